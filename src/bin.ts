#!/usr/bin/env node
// What an installed package starts (`bin` in package.json). In a checkout the launcher `provision` starts cli.ts itself.
import { enableCompileCache } from 'node:module';
import { stderr, versions } from 'node:process';

/** The oldest Node that has all that is used; an older one would stop with an error of syntax. */
const OLDEST_NODE = 24;

if (Number.parseInt(versions.node, 10) < OLDEST_NODE) {
  stderr.write(
    `provision needs Node ${OLDEST_NODE} or newer, and this is Node ${versions.node}.\n` +
      '  Install a newer Node, then install provision again with its npm.\n',
  );
  // Not `exit`: what was written must come out.
  process.exitCode = 5;
} else {
  // Before anything is imported: what is imported then comes from the cache the next time.
  enableCompileCache();
  await import('./cli.ts');
}
