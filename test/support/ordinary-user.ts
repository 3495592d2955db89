import { execFileSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { temporaryFolder } from './cli.ts';

export interface OrdinaryUser {
  readonly uid: number;
  /** A folder of that user's own. */
  readonly folder: string;
  /** Runs Node as that user and returns what it prints. */
  run(args: readonly string[]): string;
}

/** Debian's `nobody`. */
const NOBODY = 65534;

/** A user without privileges: ourselves, or nobody when we are root; undefined when nobody cannot read the tool. */
export function asOrdinaryUser(t: { after(done: () => void): void }): OrdinaryUser | undefined {
  const folder = temporaryFolder(t);
  const root = process.getuid?.() === 0;
  const uid = root ? NOBODY : (process.getuid?.() ?? NOBODY);
  if (root) chownSync(folder, NOBODY, NOBODY);
  const identity = root ? { uid: NOBODY, gid: NOBODY } : {};
  const run = (args: readonly string[]) =>
    execFileSync(process.execPath, args, { encoding: 'utf8', cwd: folder, ...identity });
  try {
    run(['-e', `require('node:fs').accessSync(${JSON.stringify(import.meta.filename)})`]);
  } catch {
    return undefined;
  }
  return { uid, folder, run };
}
