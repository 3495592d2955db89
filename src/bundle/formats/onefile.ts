import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import { digestFile } from '../../store/digest.ts';
import type { FormatInput, Formatted } from './format.ts';
import { type ImageFile, makeImage } from './onefile-image.ts';

/** The program has it inside; it is brought for the C library, which loads it by itself. */
const UNWINDER = 'libgcc_s.so.1';

/** The program with the files of the bundle's `lib` in it: one executable that needs nothing beside it. */
export async function writeOnefile(input: FormatInput, folder: string): Promise<Result<Formatted>> {
  const { bundle, contents, sourceDateEpoch, target, name } = input;
  const { program, stdlib } = contents.manifest;
  // The loader finds no library that another one names: it looks on the disk only.
  const names = new Set([...contents.elves.keys()].map((path) => basename(path)));
  const tied = [...contents.elves].filter(([, { needed }]) =>
    needed.some((library) => names.has(library) && library !== UNWINDER),
  );
  if (tied.length > 0) return err(tiedFiles(tied.map(([path]) => path)));
  const files = await filesBelow(bundle, 'lib');
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
async function filesBelow(root: string, at: string): Promise<readonly ImageFile[]> {
  const files: ImageFile[] = [];
  for (const name of (await readdir(join(root, at))).sort()) {
    const path = `${at}/${name}`;
    if ((await stat(join(root, path))).isDirectory()) files.push(...(await filesBelow(root, path)));
    else files.push({ path, bytes: await readFile(join(root, path)) });
  }
  return files;
}

function tiedFiles(paths: readonly string[]): Failure {
  return {
    code: 'build/onefile',
    what: `Libraries in the bundle need others of it, which one file cannot hold: ${paths
      .slice(0, 5)
      .map((path) => basename(path))
      .join(', ')}.`,
    why: 'The loader of the C library looks for the libraries that a file names on the disk only.',
    fix: [
      'Take packages without libraries of their own below `python.packages`.',
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
