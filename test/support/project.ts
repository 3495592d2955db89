import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY, temporaryFolder } from './cli.ts';

export interface OwnProject {
  readonly place: string;
  /** Path of a recipe named `mine`. */
  readonly recipe: string;
  readonly crate: string;
  readonly samples: string;
}

/** A copy of the runner with three samples and a recipe of its own, to be changed by a test. */
export function ownCopyOfRunner(context: { after(done: () => void): void }): OwnProject {
  const place = temporaryFolder(context, 'provision own ü ');
  const crate = join(place, 'crate');
  const samples = join(place, 'samples');
  cpSync(join(REPOSITORY, 'runner'), crate, {
    recursive: true,
    filter: (path) => !/\/runner\/(target|samples|bench)$/.test(path),
  });
  mkdirSync(samples);
  writeFileSync(join(samples, 'one.py'), 'print("one")\n');
  writeFileSync(join(samples, 'two.py'), 'import json\nprint(json.dumps({"two": 2}))\n');
  const recipe = join(place, 'mine.yaml');
  writeFileSync(
    recipe,
    `schema: 1
description: A copy of the runner
target: aarch64-unknown-linux-gnu
toolchain: llvm
sysroot: packaged
project:
  path: crate
  bin: isolate
samples:
  path: samples
`,
  );
  return { place, recipe, crate, samples };
}
