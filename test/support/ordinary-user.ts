import { execFileSync } from 'node:child_process';
import { chownSync, cpSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './cli.ts';

export interface OrdinaryUser {
  readonly uid: number;
  /** A folder of that user's own. */
  readonly folder: string;
  /** The Node that `run` starts. */
  readonly node: string;
  /** Runs Node as that user and returns what it prints. */
  run(args: readonly string[]): string;
  /** Runs any program as that user, in the folder, and returns what it prints. */
  execute(program: string, args: readonly string[], env: Readonly<Record<string, string>>): string;
}

/** Debian's `nobody`. */
const NOBODY = 65534;

/**
 * A user without privileges: ourselves, or nobody when we are root; undefined when nobody cannot read the tool. Node
 * may lie where only root can look, in a cache folder below /root for one: then a copy of it serves.
 */
export function asOrdinaryUser(t: { after(done: () => void): void }): OrdinaryUser | undefined {
  const folder = temporaryFolder(t);
  const root = process.getuid?.() === 0;
  const uid = root ? NOBODY : (process.getuid?.() ?? NOBODY);
  if (root) chownSync(folder, NOBODY, NOBODY);
  const identity = root ? { uid: NOBODY, gid: NOBODY } : {};
  const execute: OrdinaryUser['execute'] = (program, args, env) =>
    execFileSync(program, args, { encoding: 'utf8', cwd: folder, env, ...identity });
  let node = process.execPath;
  const run: OrdinaryUser['run'] = (args) => execute(node, args, {});
  if (!works(run, '0')) {
    node = join(folder, 'node');
    cpSync(process.execPath, node);
  }
  const reads = `require('node:fs').accessSync(${JSON.stringify(import.meta.filename)})`;
  return works(run, reads) ? { uid, folder, node, run, execute } : undefined;
}

function works(run: OrdinaryUser['run'], script: string): boolean {
  try {
    run(['-e', script]);
    return true;
  } catch {
    return false;
  }
}
