// One process that uses a store, for tests with several: `store-program.ts <folder> <action> <argument>`. It reports what
// it does line by line and ends when its standard input does.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unpackPackages } from '../../src/archive/unpack.ts';
import { distribution } from '../../src/distro/distribution.ts';
import { ok } from '../../src/domain/result.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { arriving } from './unpacking.ts';

const [folder = '', action = '', argument = ''] = process.argv.slice(2);
const controller = new AbortController();
process.once('SIGTERM', () => controller.abort());
const options = { signal: controller.signal, onWait: () => say('waiting') };

const ACTIONS: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  open: async () => null,
  /** Makes an entry of the inputs `{ label }`; with the argument `label:go` not before there is a file `go`. */
  obtain: async (store) => {
    const [label = '', when] = argument.split(':');
    return store.obtain(
      'trees',
      { label },
      async (root) => {
        say('making');
        writeFileSync(join(root, 'half'), 'half');
        while (when === 'go' && !existsSync(join(folder, 'go'))) await sleep(20);
        writeFileSync(join(root, 'whole'), 'whole');
        return ok({ pid: process.pid });
      },
      options,
    );
  },
  /** Unpacks a package into an entry. */
  unpack: async (store) =>
    store.obtain(
      'trees',
      { argument },
      (root) =>
        unpackPackages({
          root,
          layout: distribution.layout,
          rules: { exclude: [] },
          open: distribution.openPackage,
          packages: arriving([argument]),
          jobs: 1,
          signal: options.signal,
        }),
      options,
    ),
  /** Fills the disk and writes a result then. */
  fill: async (store) => {
    mkdirSync(join(folder, 'full'));
    try {
      for (let i = 0; ; i += 1) writeFileSync(join(folder, 'full', String(i)), Buffer.alloc(4096));
    } catch (cause) {
      say((cause as NodeJS.ErrnoException).code ?? '');
    }
    const outcome = await store.writeResult('0'.repeat(64), { large: 'x'.repeat(10_000) });
    return { outcome, results: readdirSync(join(folder, 'results')) };
  },
  lock: async (store) => {
    const lock = await store.lock(argument, options);
    say(lock.ok ? 'locked' : lock.error.code);
    if (!lock.ok) return lock.error.code;
    await using _held = lock.value;
    await untilEnd();
    return 'released';
  },
};

const opened = await openStore(folder);
if (opened.ok) {
  const outcome = await ACTIONS[action]?.(opened.value);
  say(JSON.stringify(outcome));
  await untilEnd();
  await opened.value.settled();
} else {
  say(JSON.stringify(opened));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function untilEnd(): Promise<void> {
  return new Promise((resolve) => {
    if (process.stdin.readableEnded) resolve();
    else process.stdin.once('end', () => resolve()).resume();
  });
}
