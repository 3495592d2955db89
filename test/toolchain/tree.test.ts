import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LockedPackage, TreeDefinition } from '../../src/domain/packages.ts';
import { err, ok, type Result } from '../../src/domain/result.ts';
import type { Failure } from '../../src/failure.ts';
import type { Store } from '../../src/store/store.ts';
import { makeTree, type TreeOrder, treeFingerprint } from '../../src/toolchain/tree.ts';
import { testContext } from '../support/context.ts';
import { compress, debAround, file, folder, symlink, type TarPart, tar } from '../support/deb.ts';
import { makeLibrary } from '../support/elf-library.ts';
import { digestOf } from '../support/locked.ts';
import { freshStore, leftovers } from '../support/stores.ts';
import { listing } from '../support/unpacking.ts';

const RULES = { exclude: ['opt/**'], links: { 'bin/sh': 'dash' }, files: { 'etc/hostname': 'provision\n' } };
const DEFINITION: TreeDefinition = { architecture: 'near', packages: ['tool', 'library'], ...RULES };

const TOOL: readonly TarPart[] = [
  folder('./'),
  folder('./bin/'),
  file('./bin/dash', '#!', { mode: 0o755 }),
  file('./opt/left/out'),
  file('./usr/share/doc/tool/copyright', 'licence'),
  symlink('./etc/mtab', '/proc/mounts'),
];
const LIBRARY: readonly TarPart[] = [file('./lib64/ld.so', 'l', { mode: 0o755 }), file('./usr/lib/one', '1')];

interface Made {
  readonly locked: LockedPackage;
  readonly file: string;
}

/** Puts a package into the store as a fetched blob. */
function fetched(store: Store, name: string, parts: readonly TarPart[]): Made {
  const bytes = debAround(compress(tar(parts), 'xz'));
  const digest = digestOf(bytes);
  writeFileSync(store.blobPath(digest), bytes);
  const locked = {
    name,
    version: '1.0',
    architecture: 'near',
    path: `pool/${name}.deb`,
    digest,
    size: bytes.length,
  };
  return { locked, file: store.blobPath(digest) };
}

function order(made: readonly Made[], change: Partial<TreeOrder> = {}): TreeOrder {
  return {
    name: 'tools',
    stage: 'toolchain',
    definition: DEFINITION,
    packages: made.map(({ locked }) => locked),
    files: () => arriving(made),
    ...change,
  };
}

async function* arriving(
  made: readonly Made[],
): AsyncGenerator<Result<{ package: LockedPackage; file: string }>> {
  for (const one of made) yield ok({ package: one.locked, file: one.file });
}

function noFiles(): never {
  throw new Error('a hit must not ask for files');
}

test('a tree is made of packages, links, files and mount points; the second time it is a hit', async (t) => {
  const store = await freshStore(t);
  const context = testContext();
  const made = [fetched(store, 'tool', TOOL), fetched(store, 'library', LIBRARY)];
  const tree = await makeTree(context, store, order(made));
  assert.ok(tree.ok, JSON.stringify(tree));
  const { folder: root, meta, hit, fingerprint } = tree.value;
  assert.deepEqual([hit, meta], [false, { packages: 2, files: 5, bytes: 2 + 7 + 1 + 1 }]);
  assert.equal(fingerprint, treeFingerprint(order(made)));
  const top = ['bin', 'dev', 'etc', 'job', 'lib', 'lib64', 'proc', 'run', 'sbin', 'sys', 'tmp', 'usr'];
  assert.deepEqual(readdirSync(root).sort(), top);
  assert.equal(readlinkSync(join(root, 'lib64')), 'usr/lib64');
  assert.equal(readlinkSync(join(root, 'usr/bin/sh')), 'dash');
  assert.equal(readFileSync(join(root, 'bin/sh'), 'utf8'), '#!');
  assert.equal(readFileSync(join(root, 'etc/hostname'), 'utf8'), 'provision\n');
  const again = await makeTree(context, store, order(made.toReversed(), { files: noFiles }));
  assert.deepEqual(again, { ok: true, value: { ...tree.value, hit: true } });
});

test('the same packages and rules make the same tree, whenever and in whatever order they come', async (t) => {
  const trees: string[][] = [];
  for (const flip of [false, true]) {
    const store = await freshStore(t);
    const made = [fetched(store, 'tool', TOOL), fetched(store, 'library', LIBRARY)];
    const tree = await makeTree(testContext(), store, order(flip ? made.toReversed() : made));
    assert.ok(tree.ok);
    trees.push(listing(tree.value.folder));
    if (!flip) await new Promise((resolve) => setTimeout(resolve, 1100));
  }
  assert.deepEqual(trees[1], trees[0]);
});

test('everything that decides the content is in the fingerprint, and nothing else', async (t) => {
  const store = await freshStore(t);
  const [tool, library] = [fetched(store, 'tool', TOOL), fetched(store, 'library', LIBRARY)];
  const key = (definition: Partial<TreeDefinition>, made: readonly Made[] = [tool, library]) =>
    treeFingerprint(order(made, { definition: { ...DEFINITION, ...definition } }));
  const base = key({});
  assert.equal(key({ packages: ['other words'], architecture: 'far' }), base);
  assert.equal(key({}, [library, tool, tool]), base);
  assert.equal(key({ exclude: ['opt/**', 'opt/**'] }), base);
  const others = [
    key({}, [tool]),
    key({ exclude: [] }),
    key({ links: { 'bin/sh': 'bash' } }),
    key({ files: { 'etc/hostname': 'other\n' } }),
    key({ files: {} }),
    key({ glibcRelease: '2.17' }),
    key({ glibcRelease: '2.28' }),
  ];
  assert.equal(new Set([base, ...others]).size, others.length + 1);
});

test('the C library of a tree is made to look like an earlier release, and a tree without one is a failure', async (t) => {
  const store = await freshStore(t);
  const glibc = makeLibrary({ symbols: ['log@@GLIBC_2.29', 'log@GLIBC_2.4'] });
  const library = fetched(store, 'library', [
    file('./lib/near/libm.so.6', glibc.bytes),
    file('./usr/include/features.h', '#define __GLIBC_MINOR__ 31\n'),
    file('./usr/include/fcntl.h', '#ifndef __USE_FILE_OFFSET64\nextern int fcntl (int, int, ...);\n#endif\n'),
  ]);
  const definition = { ...DEFINITION, glibcRelease: '2.17' };
  const tree = await makeTree(testContext(), store, order([library], { definition }));
  assert.ok(tree.ok, JSON.stringify(tree));
  const made = readFileSync(join(tree.value.folder, 'usr/lib/near/libm.so.6'));
  assert.deepEqual(glibc.symbols(made), ['log@GLIBC_2.29', 'log@@GLIBC_2.4']);
  const other = await makeTree(testContext(), store, order([fetched(store, 'tool', TOOL)], { definition }));
  assert.equal(other.ok ? undefined : other.error.code, 'archive/no-glibc');
});

test('absolute links are made relative where that is asked for, also through links of the layout', async (t) => {
  const store = await freshStore(t);
  const made = [
    fetched(store, 'library', [
      file('./lib/near/libc.so.6', 'c', { mode: 0o755 }),
      symlink('./usr/lib/near/libc.so', '/lib/near/libc.so.6'),
      symlink('./lib/near/libm.so', '/lib/near/libc.so.6'),
      symlink('./usr/lib/near/here.so', 'libc.so'),
      symlink('./usr/lib/near/out', '/proc/mounts'),
    ]),
  ];
  const asIs = order(made);
  const links = { 'usr/lib/near/beside': '/usr/lib/tool' };
  const relative = order(made, { definition: { ...DEFINITION, links, relativeLinks: true } });
  assert.notEqual(treeFingerprint(asIs), treeFingerprint(relative));
  const tree = await makeTree(testContext(), store, relative);
  assert.ok(tree.ok, JSON.stringify(tree));
  const at = (name: string) => join(tree.value.folder, 'usr/lib/near', name);
  for (const name of ['libc.so', 'libm.so', 'here.so']) assert.equal(readFileSync(at(name), 'utf8'), 'c');
  assert.equal(readlinkSync(at('here.so')), 'libc.so');
  assert.equal(readlinkSync(at('out')), '../../../proc/mounts');
  assert.equal(readlinkSync(at('beside')), '/usr/lib/tool', "the definition's own");
  assert.equal(lstatSync(at('libc.so')).mtime.toISOString(), '1980-01-01T00:00:00.000Z');
  const plain = await makeTree(testContext(), store, asIs);
  assert.ok(plain.ok, JSON.stringify(plain));
  assert.equal(readlinkSync(join(plain.value.folder, 'usr/lib/near/libc.so')), '/lib/near/libc.so.6');
});

test('links and files replace what packages brought, inside the root, with fixed times and modes', async (t) => {
  const store = await freshStore(t);
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const made = [
    fetched(store, 'tool', [
      file('./etc/one', 'package'),
      symlink('./etc/two', '/etc/passwd'),
      symlink('./outside', '../../../../../..'),
    ]),
  ];
  const definition = {
    ...DEFINITION,
    links: { 'etc/one': '/two', 'new/deep/link': 'x' },
    files: { 'etc/two': 'text', 'outside/inside': 'x', 'usr/bin/script': '#!/bin/sh\n' },
  };
  const tree = await makeTree(testContext(), store, order(made, { definition }));
  assert.ok(tree.ok, JSON.stringify(tree));
  const at = (path: string) => join(tree.value.folder, path);
  assert.equal(readlinkSync(at('etc/one')), '/two');
  assert.equal(readlinkSync(at('new/deep/link')), 'x');
  assert.equal(readFileSync(at('etc/two'), 'utf8'), 'text');
  assert.equal(readFileSync(at('inside'), 'utf8'), 'x');
  assert.equal(statSync(at('usr/bin/script')).mode & 0o777, 0o755);
  assert.equal(statSync(at('etc/two')).mode & 0o777, 0o644);
  for (const path of ['etc', 'etc/two', 'new', 'new/deep/link', 'proc', 'usr/bin', '.']) {
    assert.equal(lstatSync(at(path)).mtime.toISOString(), '1980-01-01T00:00:00.000Z', path);
  }
});

for (const [title, definition, code] of [
  ['a file where a package has a folder', { files: { 'usr/bin': 'x' } }, 'archive/conflict'],
  ['a link to the root itself', { links: { '.': 'x' } }, 'archive/conflict'],
  ['a file outside of the root', { files: { '../evil': 'x' } }, 'archive/escapes-root'],
  ['a link with an absolute path', { links: { '/etc/x': 'y' } }, 'archive/escapes-root'],
] as const) {
  test(`a definition with ${title}: ${code}`, async (t) => {
    const store = await freshStore(t);
    const made = [fetched(store, 'tool', TOOL)];
    const tree = await makeTree(
      testContext(),
      store,
      order(made, { definition: { ...DEFINITION, ...definition } }),
    );
    assert.ok(!tree.ok);
    assert.equal(tree.error.code, code);
    assert.match(tree.error.what, /definition of tools/);
    assert.deepEqual(leftovers(store.folder), []);
  });
}

test('a package that cannot be fetched fails the tree with that failure and stops the unpacking', async (t) => {
  const store = await freshStore(t);
  const made = [fetched(store, 'tool', TOOL), fetched(store, 'library', LIBRARY)];
  const failure: Failure = { code: 'fetch/not-found', what: 'It is nowhere.', fix: ['Look elsewhere.'] };
  let ended = false;
  async function* files() {
    try {
      yield* arriving(made.slice(0, 1));
      yield err(failure);
      await new Promise(() => {});
    } finally {
      ended = true;
    }
  }
  const tree = await makeTree(testContext(), store, order(made, { files }));
  assert.deepEqual(tree, { ok: false, error: failure });
  assert.ok(ended);
  assert.equal(await store.find('trees', treeFingerprint(order(made))), undefined);
  assert.deepEqual(leftovers(store.folder), []);
});

test('a hostile package fails the tree by its name and version', async (t) => {
  const store = await freshStore(t);
  const made = [fetched(store, 'evil', [file('../evil')])];
  const tree = await makeTree(testContext(), store, order(made));
  assert.ok(!tree.ok);
  assert.equal(tree.error.code, 'archive/escapes-root');
  assert.match(tree.error.what, /^evil 1\.0 \(near\) /);
});

test('packages that were not delivered or not ordered are bugs', async (t) => {
  const store = await freshStore(t);
  const made = [fetched(store, 'tool', TOOL), fetched(store, 'library', LIBRARY)];
  const few = makeTree(testContext(), store, order(made, { files: () => arriving(made.slice(1)) }));
  await assert.rejects(few, /1 packages of tools were not delivered/);
  const many = makeTree(testContext(), store, order(made.slice(1), { files: () => arriving(made) }));
  await assert.rejects(many, /tool\.deb was delivered twice or was not ordered/);
});

test('waiting for another process that makes the same tree is reported', async (t) => {
  const store = await freshStore(t);
  const context = testContext();
  const made = [fetched(store, 'tool', TOOL)];
  const other = await store.lock(`trees-${treeFingerprint(order(made))}`, { signal: context.signal });
  assert.ok(other.ok);
  const tree = makeTree(
    { ...context, emit: (event) => event.type === 'notice' && notices.push(event.code) },
    store,
    order(made),
  );
  const notices: string[] = [];
  while (notices.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await other.value[Symbol.asyncDispose]();
  assert.ok((await tree).ok);
  assert.deepEqual(notices, ['store/waiting']);
});

test('progress is reported in packages, and Ctrl-C leaves nothing behind', async (t) => {
  const store = await freshStore(t);
  const context = testContext();
  const made = [fetched(store, 'tool', TOOL), fetched(store, 'library', LIBRARY)];
  await makeTree(context, store, order(made, { stage: 'sysroot' }));
  const last = context.events.at(-1);
  assert.deepEqual(last, {
    type: 'stage-progress',
    stage: 'sysroot',
    done: 2,
    total: 2,
    unit: 'packages',
    detail: '11 B unpacked',
  });
  async function* never() {
    yield* arriving(made.slice(0, 1));
    context.abort();
    await new Promise(() => {});
  }
  const definition = { ...DEFINITION, files: {} };
  const tree = await makeTree(context, store, order(made, { definition, files: never }));
  assert.ok(!tree.ok);
  assert.equal(tree.error.code, 'interrupted/signal');
  assert.deepEqual(leftovers(store.folder), []);
});
