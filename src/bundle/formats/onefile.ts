import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import { digestFile } from '../../store/digest.ts';
import type { FormatInput, Formatted } from './format.ts';
import { type ImageFile, makeImage } from './onefile-image.ts';

/** The program with the files of the bundle's `lib` in it: one executable that needs nothing beside it. */
export async function writeOnefile(input: FormatInput, folder: string): Promise<Result<Formatted>> {
  const { bundle, contents, sourceDateEpoch, target, name } = input;
  const { program, stdlib } = contents.manifest;
  const libraries = new Set(contents.bundled.map(({ path }) => path));
  const loaded = [...contents.elves.keys()].filter((path) => path !== program.file && !libraries.has(path));
  if (loaded.length > 0) return err(loadsFiles(loaded));
  const files = await filesBelow(bundle, 'lib', (path) => !libraries.has(path));
  const image = makeImage({
    program: await readFile(join(bundle, program.file)),
    ...{ files, library: stdlib, time: sourceDateEpoch },
  });
  if (typeof image === 'string') return err(notMade(name, image));
  const file = `${name}-${target.rustTriple}`;
  await writeFile(join(folder, file), image, { flag: 'wx' });
  await chmod(join(folder, file), 0o755);
  const { digest, size } = await digestFile(join(folder, file));
  return ok({ file, digest, size });
}

/** In an order that does not depend on the disk. A link is what it leads to. */
async function filesBelow(
  root: string,
  at: string,
  wanted: (path: string) => boolean,
): Promise<readonly ImageFile[]> {
  const files: ImageFile[] = [];
  for (const name of (await readdir(join(root, at))).sort()) {
    const path = `${at}/${name}`;
    if ((await stat(join(root, path))).isDirectory()) files.push(...(await filesBelow(root, path, wanted)));
    else if (wanted(path)) files.push({ path, bytes: await readFile(join(root, path)) });
  }
  return files;
}

function loadsFiles(paths: readonly string[]): Failure {
  const names = paths.slice(0, 5).map((path) => basename(path));
  return {
    code: 'build/onefile',
    what: `The bundle has ${paths.length === 1 ? 'an extension module' : `${paths.length} extension modules and libraries`} in files of their own, which one file cannot hold: ${names.join(', ')}.`,
    why: 'The C library loads them from the disk only.',
    fix: [
      'Take packages of Python code alone, without extension modules, below `python.packages`.',
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
