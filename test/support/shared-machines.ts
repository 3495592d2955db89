// Machines that share a store: each has its own folder, keys and clock.
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CacheAddress, parseCacheAddress } from '../../src/domain/cache-address.ts';
import type { Settings } from '../../src/domain/context.ts';
import { ok, type Result } from '../../src/domain/result.ts';
import { type Key, readPrivateKey } from '../../src/provenance/envelope.ts';
import type { ClaimTimes } from '../../src/remote-store/claims.ts';
import { RegistryStore } from '../../src/remote-store/remote-store.ts';
import { openStore } from '../../src/store/open.ts';
import type { Json, Store, StoreEntry } from '../../src/store/store.ts';
import { temporaryFolder } from './cli.ts';
import { type TestContext, testContext } from './context.ts';
import { value } from './sandboxes.ts';

const pair = generateKeyPairSync('ed25519');

/** A key that signs; `expires` is the line in its file. */
export function keyOf(key: KeyObject = pair.privateKey, expires?: string): Key {
  const line = expires === undefined ? '' : `Expires: ${expires}\n`;
  const read = readPrivateKey(`${line}${key.export({ type: 'pkcs8', format: 'pem' })}`);
  assert.ok(read);
  return read;
}

export interface MachineOptions {
  readonly trusted?: readonly Key[];
  /** Signs what this machine pushes; absent: it only takes. */
  readonly push?: Key;
  readonly settings?: Partial<Settings>;
  readonly silenceMs?: number;
  readonly store?: string;
  readonly claimTimes?: ClaimTimes;
}

export interface Machine {
  readonly context: TestContext;
  readonly store: Store;
  readonly remote: RegistryStore;
  /** What was said, as `code: message`. */
  said(): readonly string[];
  /** Ends the run. */
  finish(): Promise<void>;
}

type After = { after(done: () => void): void };

export async function machine(t: After, address: string, options: MachineOptions = {}): Promise<Machine> {
  const folder = options.store ?? join(temporaryFolder(t, 'shared störe '), 'störe');
  const context = testContext({ store: folder, ...options.settings });
  const remote = new RegistryStore({
    address: value(parseCacheAddress(address, 'test')) satisfies CacheAddress,
    context,
    trusted: options.trusted ?? [keyOf()],
    version: '1.2.3',
    ...(options.push === undefined ? {} : { push: options.push }),
    ...(options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }),
    ...(options.claimTimes === undefined ? {} : { claimTimes: options.claimTimes }),
  });
  const store = value(await openStore(folder, undefined, remote));
  const said = () =>
    context.events.flatMap((one) => (one.type === 'notice' ? [`${one.code}: ${one.message}`] : []));
  const finish = async (): Promise<void> => {
    await store.settled();
    await remote.finish();
  };
  return { context, store, remote, said, finish };
}

/** A small entry with what entries have: a program, a file others may not read, links, names that are not plain. */
export function fill(text: string): (root: string) => Promise<Result<Json>> {
  return async (root) => {
    mkdirSync(join(root, 'usr/bin'), { recursive: true });
    mkdirSync(join(root, 'empty folder'));
    writeFileSync(join(root, 'usr/bin/program'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    writeFileSync(join(root, 'dätä'), Buffer.alloc(200_000, text), { mode: 0o640 });
    symlinkSync('/usr/bin', join(root, 'bin'));
    return ok({ text, files: 2 });
  };
}

/** Obtains an entry, and says whether it was made here. */
export async function obtained(
  { store, context }: Machine,
  label: string,
  make: (root: string) => Promise<Result<Json>> = fill(label),
): Promise<{ readonly entry: StoreEntry; readonly made: boolean }> {
  let made = false;
  const entry = await store.obtain(
    'builds',
    { label },
    (root) => {
      made = true;
      return make(root);
    },
    { signal: context.signal },
  );
  return { entry: value(entry), made };
}
