#!/usr/bin/env node
// Entry point of an installed package (`bin` in package.json). In a checkout the launcher `provision` starts cli.ts itself.
import { enableCompileCache } from 'node:module';
import { stderr, versions } from 'node:process';

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
  // Before any import, so that later starts load the modules from the cache.
  enableCompileCache();
  await import('./cli.ts');
}
