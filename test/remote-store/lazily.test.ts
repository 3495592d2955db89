// Entries that are known from a shared store, and fetched when something reads them, if ever.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ok, type Result } from '../../src/domain/result.ts';
import type { Json, StoreEntry } from '../../src/store/store.ts';
import { faultyProxy, NO_REGISTRY, startRegistry } from '../support/registry.ts';
import { value } from '../support/sandboxes.ts';
import { fill, keyOf, type Machine, machine } from '../support/shared-machines.ts';
import { leftovers } from '../support/stores.ts';

const skip = NO_REGISTRY;

interface Chain {
  readonly tree: StoreEntry;
  readonly library: StoreEntry;
  readonly program: StoreEntry;
  readonly other: StoreEntry;
  /** What was made here, in order. */
  readonly made: readonly string[];
}

/** A program of a library of a tree, and a tree that nothing is made of; `source` decides the program. */
async function chain({ store, context }: Machine, source: string): Promise<Chain> {
  const made: string[] = [];
  const { signal } = context;
  const from = (label: string, part: StoreEntry | undefined) => async (root: string) => {
    made.push(label);
    const inside = part === undefined ? '' : readFileSync(join(part.folder, 'usr/bin/program'), 'utf8');
    return fill(`${label} of ${inside}`)(root);
  };
  const lazily = async (label: string, part?: StoreEntry): Promise<StoreEntry> =>
    value(
      await store.obtain('trees', { label, part: part?.fingerprint ?? null }, from(label, part), {
        ...{ signal, lazily: true },
        ...(part === undefined ? {} : { reads: [part.folder] }),
      }),
    );
  const tree = await lazily('tree');
  const other = await lazily('other');
  const library = await lazily('library', tree);
  const program = value(
    await store.obtain('builds', { source, library: library.fingerprint }, from(source, library), {
      ...{ signal, reads: [library.folder] },
    }),
  );
  return { tree, library, program, other, made };
}

async function shared(t: TestContext): Promise<string> {
  const { host } = await startRegistry(t);
  const first = await machine(t, `oci://${host}/cache`, { push: keyOf() });
  assert.deepEqual((await chain(first, 'main.rs')).made, ['tree', 'other', 'library', 'main.rs']);
  await first.finish();
  return host;
}

test('where all is built already, the program alone is taken: nothing that it was made of', {
  skip,
}, async (t) => {
  const host = await shared(t);
  const second = await machine(t, `oci://${host}/cache`);
  const { tree, library, other, program, made } = await chain(second, 'main.rs');
  assert.deepEqual(made, []);
  assert.equal(existsSync(join(program.folder, 'usr/bin/program')), true);
  for (const { folder } of [tree, library, other]) assert.equal(existsSync(folder), false);
  assert.deepEqual(library.meta, {
    text: 'library of #!/bin/sh\ntree of \n',
    files: 2,
  } satisfies Json);
  await second.finish();
  assert.match(second.said().join(), /^cache\/pulled: Taken from oci:.*: 1 entry, [\d.]+ k?B\.$/);
  // It is remembered: the next time nobody is asked.
  const alone = await machine(t, 'oci://127.0.0.1:9/cache', { store: second.store.folder });
  assert.deepEqual((await chain(alone, 'main.rs')).made, []);
  assert.deepEqual(alone.said(), []);
  assert.deepEqual(leftovers(second.store.folder), []);
});

test('what is made here takes of the others what it reads, and no more', { skip }, async (t) => {
  const host = await shared(t);
  const second = await machine(t, `oci://${host}/cache`);
  const { tree, library, other, program, made } = await chain(second, 'changed.rs');
  assert.deepEqual(made, ['changed.rs']);
  assert.match(
    readFileSync(join(program.folder, 'usr/bin/program'), 'utf8'),
    /changed\.rs of .*\nlibrary of/,
  );
  assert.equal(existsSync(library.folder), true);
  for (const { folder } of [tree, other]) assert.equal(existsSync(folder), false);
  // What does not say what it reads gets all.
  let seen: readonly boolean[] = [];
  const make = async (): Promise<Result<null>> => {
    seen = [tree, other].map(({ folder }) => existsSync(folder));
    return ok(null);
  };
  value(await second.store.obtain('builds', { all: 1 }, make, { signal: second.context.signal }));
  assert.deepEqual(seen, [true, true]);
});

test('a path inside of an entry fetches it, once, however many ask', { skip }, async (t) => {
  const host = await shared(t);
  const proxy = await faultyProxy(t, host);
  const second = await machine(t, `oci://${proxy.host}/cache`);
  const { tree, other } = await chain(second, 'main.rs');
  const layers = () => proxy.asked.filter((line) => /GET .*\/blobs\//.test(line)).length;
  const before = layers();
  const paths = [join(tree.folder, 'usr'), tree.folder];
  const all = await Promise.all([second.store.ready(paths), second.store.ready(paths)]);
  for (const one of all) value(one);
  assert.equal(layers(), before + 1);
  assert.equal(existsSync(join(tree.folder, 'usr/bin/program')), true);
  assert.equal(existsSync(other.folder), false);
});

test('a registry that is gone by then: what is read is made here, of what it is made of', {
  skip,
}, async (t) => {
  const host = await shared(t);
  const proxy = await faultyProxy(t, host);
  const second = await machine(t, `oci://${proxy.host}/cache`);
  const { tree, library, other, made } = await chain(second, 'main.rs');
  proxy.fault = () => 'reset';
  value(await second.store.ready([library.folder]));
  // The tree first, though the library alone was asked for.
  assert.deepEqual(made, ['tree', 'library']);
  assert.equal(existsSync(join(library.folder, 'usr/bin/program')), true);
  assert.equal(existsSync(tree.folder), true);
  assert.equal(existsSync(other.folder), false);
  assert.match(second.said().join('\n'), /cache\/not-used/);
  await second.finish();
  assert.deepEqual(leftovers(second.store.folder), []);
});

test('what is remembered and neither here nor anywhere else is made here', { skip }, async (t) => {
  const host = await shared(t);
  const second = await machine(t, `oci://${host}/cache`);
  await chain(second, 'main.rs');
  await second.finish();
  const alone = await machine(t, 'oci://127.0.0.1:9/cache', { store: second.store.folder });
  const { program, made } = await chain(alone, 'changed.rs');
  assert.deepEqual(made, ['tree', 'library', 'changed.rs']);
  assert.equal(existsSync(program.folder), true);
  assert.match(alone.said().join('\n'), /cache\/unreachable/);
});
