// What was damaged in a store is neither used nor delivered: it is made anew, in the same run where that can be.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { cp, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Digest } from '../../src/domain/ids.ts';
import { ok, type Result } from '../../src/domain/result.ts';
import { fingerprint } from '../../src/store/fingerprint.ts';
import type { DamageReport } from '../../src/store/integrity.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { provision } from '../support/cli.ts';
import { numbers } from '../support/random.ts';
import { freshStore, leftovers, never } from '../support/stores.ts';

const FILES = 100;
const TREE = { what: 'tree' };
const PROGRAM = { what: 'program' };
/** What the program is, however often and of whatever it is made. */
const EXPECTED = Array.from({ length: FILES }, (_, i) => `file ${i}\n`).join('');

/** Made of bytes that come from outside, like a tree of packages. */
async function makeTree(folder: string): Promise<Result<null>> {
  for (let i = 0; i < FILES; i += 1) {
    const below = join(folder, `d${i % 7}`);
    mkdirSync(below, { recursive: true });
    writeFileSync(join(below, `f${i}`), `file ${i}\n`);
  }
  return ok(null);
}

interface Opened {
  readonly store: Store;
  readonly damage: DamageReport[];
}

/** As another process would. */
async function reopened(folder: string): Promise<Opened> {
  const damage: DamageReport[] = [];
  const store = await openStore(folder, (one) => damage.push(one));
  assert.ok(store.ok);
  return { store: store.value, damage };
}

/** A run: a tree, and a program made of it. The program's text. */
async function runOf(store: Store, verify: boolean): Promise<string> {
  const tree = await store.obtain('trees', TREE, makeTree, never());
  assert.ok(tree.ok, JSON.stringify(tree));
  const program = await store.obtain(
    'builds',
    PROGRAM,
    async (folder) => {
      const sound = verify ? await store.verify(tree.value.folder) : ok(undefined);
      if (!sound.ok) return sound;
      const parts = Array.from({ length: FILES }, (_, i) =>
        readFileSync(join(tree.value.folder, `d${i % 7}`, `f${i}`), 'utf8'),
      );
      writeFileSync(join(folder, 'program'), parts.join(''));
      return ok(null);
    },
    never(),
  );
  assert.ok(program.ok, JSON.stringify(program));
  await store.settled();
  return readFileSync(join(program.value.folder, 'program'), 'utf8');
}

const WAYS: Readonly<Record<string, (file: string, random: (below: number) => number) => void>> = {
  flip: (file, random) => {
    const bytes = readFileSync(file);
    const at = random(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << random(8));
    writeFileSync(file, bytes);
  },
  truncate: (file) => truncateSync(file, Math.floor(statSync(file).size / 2)),
  empty: (file) => truncateSync(file, 0),
  delete: (file) => rmSync(file),
  'a folder in its place': (file) => {
    rmSync(file);
    mkdirSync(file);
  },
  swap: (file, random) => {
    const beside = readdirSync(dirname(file)).filter((name) => join(dirname(file), name) !== file);
    if (beside.length === 0) return rmSync(file);
    const other = join(dirname(file), beside[random(beside.length)] as string);
    const aside = `${file}.aside`;
    renameSync(other, aside);
    renameSync(file, other);
    renameSync(aside, file);
  },
};

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .sort();
}

test('whatever is damaged at random, what is delivered is right, and nothing has to be repaired by hand', async (t) => {
  const trials = Number(process.env.PROVISION_TEST_TRIALS ?? 120);
  const { folder } = await freshStore(t);
  await runOf((await reopened(folder)).store, false);
  const program = join(folder, 'builds', fingerprint(PROGRAM));
  for (let trial = 0; trial < trials; trial += 1) {
    const random = numbers(trial + 1);
    const [way, damage] = Object.entries(WAYS)[trial % 6] as [string, (typeof WAYS)[string]];
    const files = ['trees', 'builds'].flatMap((kind) => filesBelow(join(folder, kind)));
    const file = files[random(files.length)] as string;
    damage(file, random);
    // Half of the time the program is there, and only what was damaged matters; else it is made of the damaged tree.
    if (random(2) === 0) rmSync(program, { recursive: true, force: true });
    const label = `trial ${trial}: ${way} of ${file}`;
    assert.equal(await runOf((await reopened(folder)).store, true), EXPECTED, label);
  }
  // A tree that nothing was made of may still be damaged; one repair, and all is whole.
  const { store } = await reopened(folder);
  await verifyStore(store, { repair: true, ...never() });
  assert.equal(await runOf(store, true), EXPECTED);
  const last = await verifyStore(store, { repair: false, ...never() });
  assert.deepEqual(last.ok && [last.value.damaged, last.value.unfinished], [[], 0]);
  assert.deepEqual(leftovers(folder), []);
});

test('a flipped byte with the size and the time of before is found when the bytes go into something', async (t) => {
  const { folder } = await freshStore(t);
  await runOf((await reopened(folder)).store, true);
  const file = join(folder, 'trees', fingerprint(TREE), 'root', 'd3', 'f3');
  const { atime, mtime } = statSync(file);
  writeFileSync(file, 'file X\n');
  utimesSync(file, atime, mtime);
  rmSync(join(folder, 'builds', fingerprint(PROGRAM)), { recursive: true });
  const { store, damage } = await reopened(folder);
  assert.equal(await runOf(store, true), EXPECTED);
  assert.deepEqual(
    damage.map((one) => [one.path, one.damage]),
    [[join(folder, 'trees', fingerprint(TREE)), [{ path: 'd3/f3', what: 'changed' }]]],
  );
});

test('what is damaged together with what it is made of, which is away, is made when the run begins again', async (t) => {
  const { folder } = await freshStore(t);
  const program = async ({ store }: Opened): Promise<void> => {
    const tree = await store.obtain('trees', TREE, makeTree, never());
    assert.ok(tree.ok);
    const made = await store.obtain(
      'builds',
      PROGRAM,
      async (into) => {
        // As a library does that knows nothing of results.
        const { size } = await stat(join(tree.value.folder, 'd3', 'f3'));
        for (let i = 0; i < FILES; i += 1) writeFileSync(join(into, `f${i}`), String(size));
        return ok(null);
      },
      never(),
    );
    assert.ok(made.ok, JSON.stringify(made));
    await store.settled();
  };
  await program(await reopened(folder));
  const opened = await reopened(folder);
  await program(opened);
  const tree = join(folder, 'trees', fingerprint(TREE), 'root');
  truncateSync(join(folder, 'builds', fingerprint(PROGRAM), 'root', 'f3'));
  const rejected = await opened.store.reject(tree, 'd3/f3');
  assert.equal(!rejected.ok && rejected.error.code, 'store/damaged');
  const checked = await opened.store.check();
  assert.equal(!checked.ok && checked.error.code, 'store/damaged');
  await program(opened);
  assert.ok((await opened.store.check()).ok);
  assert.equal(readFileSync(join(folder, 'builds', fingerprint(PROGRAM), 'root', 'f3'), 'utf8'), '7');
});

test('a copy of a store is read once, and nothing of it is made again', async (t) => {
  const { folder } = await freshStore(t);
  await runOf((await reopened(folder)).store, true);
  const copy = `${folder}-copy`;
  await cp(folder, copy, { recursive: true });
  const manifest = join(copy, 'trees', fingerprint(TREE), 'manifest');
  const before = readFileSync(manifest, 'utf8');
  const first = await reopened(copy);
  const tree = await first.store.obtain('trees', TREE, makeTree, never());
  assert.ok(tree.ok && tree.value.hit);
  assert.ok((await first.store.check()).ok);
  assert.deepEqual(first.damage, []);
  const after = readFileSync(manifest, 'utf8');
  assert.notEqual(after, before, 'times and inodes are those of the copy');
  const second = await reopened(copy);
  await second.store.obtain('trees', TREE, makeTree, never());
  await second.store.check();
  assert.equal(readFileSync(manifest, 'utf8'), after);
});

test('files, links and names of any bytes are in the manifest', async (t) => {
  const store = await freshStore(t);
  const name = Buffer.concat([Buffer.from('n'), Buffer.from([0xff, 0x0a, 0x80])]);
  const made = await store.obtain(
    'builds',
    { what: 'names' },
    async (folder) => {
      writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), 'one');
      return ok(null);
    },
    never(),
  );
  assert.ok(made.ok);
  await store.settled();
  const whole = await verifyStore(store, { repair: false, ...never() });
  assert.deepEqual(whole.ok && whole.value.damaged, []);
  writeFileSync(Buffer.concat([Buffer.from(`${made.value.folder}/`), name]), 'two');
  const damaged = await verifyStore(store, { repair: false, ...never() });
  assert.equal(damaged.ok && damaged.value.damaged.length, 1);
});

test('bytes under the name of others are no blob', async (t) => {
  const { folder } = await freshStore(t);
  const { store, damage } = await reopened(folder);
  const digest = `sha256:${createHash('sha256').update('right').digest('hex')}` as Digest;
  writeFileSync(store.partialPath(digest), 'right');
  assert.ok((await store.commitBlob(digest)).ok);
  assert.equal(await store.verifyBlob(digest), true);
  writeFileSync(store.blobPath(digest), 'wrong');
  assert.equal(await store.verifyBlob(digest), false);
  assert.equal(await store.hasBlob(digest), false);
  assert.deepEqual(damage, [{ path: store.blobPath(digest), damage: [] }]);
  // A folder in the place of a blob is in nobody's way either.
  mkdirSync(store.blobPath(digest));
  assert.equal(await store.verifyBlob(digest), false);
  writeFileSync(store.partialPath(digest), 'right');
  assert.ok((await store.commitBlob(digest)).ok);
  assert.equal(await store.verifyBlob(digest), true);
});

test('a result that was changed is absent, and is written again', async (t) => {
  const store = await freshStore(t);
  const key = fingerprint({ what: 'result' });
  const file = join(store.folder, 'results', `${key}.json`);
  await store.writeResult(key, { text: 'output' });
  assert.deepEqual(await store.readResult(key), { text: 'output' });
  const whole = readFileSync(file, 'utf8');
  for (const text of [whole.replace('output', 'otter!'), 'null', '{"value":3}', '', '[]', '"x"']) {
    writeFileSync(file, text);
    assert.equal(await store.readResult(key), undefined, text);
  }
  // Another result in its place is whole, and not this one.
  const other = fingerprint({ what: 'another result' });
  await store.writeResult(other, { text: 'of another' });
  writeFileSync(file, readFileSync(join(store.folder, 'results', `${other}.json`)));
  assert.equal(await store.readResult(key), undefined);
  const swapped = await verifyStore(store, { repair: false, ...never() });
  assert.deepEqual(swapped.ok && swapped.value.damaged.map(({ path }) => path), [file]);
  rmSync(file);
  mkdirSync(file);
  assert.equal(await store.readResult(key), undefined);
  assert.ok((await store.writeResult(key, { text: 'output' })).ok);
  assert.deepEqual(await store.readResult(key), { text: 'output' });
});

test('store verify names what is damaged with exit code 5, and removes it with --repair', async (t) => {
  const { folder } = await freshStore(t);
  await runOf((await reopened(folder)).store, true);
  const args = { store: folder };
  const fine = await provision(['store', 'verify'], args);
  assert.deepEqual([fine.status, /None is damaged/.test(fine.stdout)], [0, true], fine.stderr);
  const entry = join(folder, 'trees', fingerprint(TREE));
  writeFileSync(join(entry, 'root', 'd3', 'f3'), 'something else');
  const bad = await provision(['store', 'verify'], args);
  assert.equal(bad.status, 5);
  assert.match(bad.stderr, /store\/damaged/);
  assert.match(bad.stderr, /d3\/f3 changed/);
  const repaired = await provision(['store', 'verify', '--repair', '--json'], args);
  assert.equal(repaired.status, 0, repaired.stderr);
  assert.equal(existsSync(entry), false);
  assert.equal((await provision(['store', 'verify'], args)).status, 0);
  assert.equal((await provision(['store', 'mend'], args)).status, 2);
});
