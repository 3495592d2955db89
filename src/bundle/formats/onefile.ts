import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import { digestFile } from '../../store/digest.ts';
import type { FormatInput, Formatted } from './format.ts';
import { type ImageFile, makeImage } from './onefile-image.ts';
import { linkLibraries, type Tied } from './onefile-libraries.ts';

/** The program with the files of the bundle's `lib` in it: one executable that needs nothing beside it. */
export async function writeOnefile(input: FormatInput, folder: string): Promise<Result<Formatted>> {
  const { bundle, contents, sourceDateEpoch, target, name } = input;
  const { program, stdlib, python } = contents.manifest;
  const libraries = linkLibraries(contents.elves, program.file);
  if (!libraries.ok) return err(tiedFiles(libraries.error));
  const { needs, loaded } = libraries.value;
  const files = (await filesBelow(bundle, 'lib')).map((file) => ({
    ...file,
    needs: needs.get(file.path) ?? [],
  }));
  const image = makeImage({
    program: await readFile(join(bundle, program.file)),
    ...{ files, library: stdlib, time: sourceDateEpoch },
    ...(python.linkage === 'dynamic' ? { loaded } : {}),
  });
  if (typeof image === 'string') return err(notMade(name, image));
  const file = `${name}-${target.rustTriple}`;
  await writeFile(join(folder, file), image, { flag: 'wx' });
  await chmod(join(folder, file), 0o755);
  const { digest, size } = await digestFile(join(folder, file));
  return ok({ file, digest, size });
}

/** In an order that does not depend on the disk. A link is what it leads to. */
async function filesBelow(root: string, at: string): Promise<readonly ImageFile[]> {
  const files: ImageFile[] = [];
  for (const name of (await readdir(join(root, at))).sort()) {
    const path = `${at}/${name}`;
    if ((await stat(join(root, path))).isDirectory()) files.push(...(await filesBelow(root, path)));
    else files.push({ path, bytes: await readFile(join(root, path)) });
  }
  return files;
}

function tiedFiles({ file, library, why }: Tied): Failure {
  return {
    code: 'build/onefile',
    what: `${file} needs ${library}, which one file cannot give it.`,
    why,
    fix: [
      `Take the package that ${basename(file)} is of out of \`python.packages\`.`,
      'Ship the `.tar.gz`, `--format deb` or `--format oci`.',
    ],
  };
}

function notMade(name: string, why: string): Failure {
  return {
    code: 'build/onefile',
    what: `${name} cannot be made one file.`,
    why,
    fix: [
      "Where the project's own `.cargo/config.toml` or build script sets a linker or `-C link-arg`, leave the linking to provision.",
      'Ship the `.tar.gz`, `--format deb` or `--format oci`.',
    ],
  };
}
