#!/usr/bin/env node
// Entry point, of an installed package (`bin` in package.json) and of a checkout (the launcher `provision`).
import { existsSync, readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import process, { stderr, versions } from 'node:process';

/** The oldest supported Node; older ones would fail with a syntax error. */
const OLDEST_NODE = 24;

if (Number.parseInt(versions.node, 10) < OLDEST_NODE) {
  stderr.write(
    `provision needs Node ${OLDEST_NODE} or newer, and this is Node ${versions.node}.\n` +
      '  Install a newer Node, then install provision again with its npm.\n',
  );
  // Not `process.exit`, which could discard pending output.
  process.exitCode = 5;
} else {
  // Loading takes longer than all else that a short command does; cli.ts listens instead of this later on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));
  // Before any import, so that later starts load the modules from the cache. Node looks for a place until it finds one:
  // below a temporary folder that cannot be made (TMPDIR=/proc/none) for ever.
  if (existsSync(tmpdir()) && !fileSizesLimited()) enableCompileCache();
  try {
    await import('./cli.ts');
  } catch (error) {
    const { syscall, message } = error as NodeJS.ErrnoException;
    // Anything else is a bug.
    if (syscall === undefined) throw error;
    stderr.write(
      `provision cannot read its own files: ${message}\n  Check its installation, and \`ulimit -n\`.\n`,
    );
    process.exitCode = 5;
  }
}

/** Node writes that cache when nothing of ours can handle SIGXFSZ any more: `ulimit -f` would end a command that is done. */
function fileSizesLimited(): boolean {
  try {
    return !/^Max file size +unlimited /m.test(readFileSync('/proc/self/limits', 'utf8'));
  } catch {
    return false;
  }
}
