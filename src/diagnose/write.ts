import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Blocker } from '../domain/blocker.ts';
import { isThere } from '../exec/files.ts';

/** Names that files of this folder are given; others in it are left alone. */
const OURS = /^[a-z][a-z0-9-]*\.(?:json|log)(?:\.tmp)?$/;

/** Removes what an earlier run left, also one that was killed. */
export function removeBlockers(artifacts: string, name: string): void {
  const folder = join(artifacts, name);
  if (isThere(folder)) {
    const names = readdirSync(folder);
    for (const one of names) if (OURS.test(one)) rmSync(join(folder, one), { force: true });
    if (names.every((one) => OURS.test(one))) rmSync(folder, { recursive: true, force: true });
  }
  rmSync(join(artifacts, `${name}.sarif`), { force: true });
}

/**
 * Writes `blockers/<code>.log`, then `blockers/<code>.json`, each whole and on the disk before its name is there. Not
 * awaited: when this returns they outlive us.
 */
export function writeBlocker(artifacts: string, blocker: Blocker, log: string): void {
  mkdirSync(dirname(join(artifacts, blocker.log)), { recursive: true });
  replaceFile(join(artifacts, blocker.log), log);
  updateBlocker(artifacts, blocker);
}

export function updateBlocker(artifacts: string, blocker: Blocker): void {
  replaceFile(
    join(artifacts, blocker.log.replace(/\.log$/, '.json')),
    `${JSON.stringify(blocker, null, 2)}\n`,
  );
}

/** Everything that a step printed, from the file that it was written to where there is one. */
export function fullLog(file: string | undefined, output: string): string {
  return file === undefined || !isThere(file) ? output : readFileSync(file, 'utf8');
}

function replaceFile(file: string, text: string): void {
  const beside = `${file}.tmp`;
  const handle = openSync(beside, 'w');
  try {
    writeFileSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(beside, file);
}
