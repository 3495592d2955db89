// What a CI service that caches whole folders is sent after a run: a first one, one with nothing new, one with a changed line
// of the project, one with a changed lock.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Digest } from '../../src/domain/ids.ts';
import { ok } from '../../src/domain/result.ts';
import { fingerprint } from '../../src/store/fingerprint.ts';
import { openStore } from '../../src/store/open.ts';
import { type LockedFiles, PARTS, placeParts, type SavedPart, saveParts } from '../../src/store/parts.ts';
import type { Json, StoreEntry } from '../../src/store/store.ts';
import { temporaryFolder } from '../support/cli.ts';
import { digestOf } from '../support/locked.ts';
import { value } from '../support/sandboxes.ts';
import { never } from '../support/stores.ts';

interface Job {
  /** Everything that was made or unpacked, in order. */
  readonly made: readonly string[];
  readonly saved: Readonly<Record<string, SavedPart>>;
}

/** A service that keeps the newest folder of each part. */
class Service {
  readonly folder: string;

  constructor(t: TestContext) {
    this.folder = temporaryFolder(t, 'service ü ');
  }

  restore(parts: string): void {
    mkdirSync(parts);
    for (const part of PARTS) {
      const archive = join(this.folder, `${part}.tar`);
      if (existsSync(archive)) execFileSync('tar', ['-xf', archive, '-C', parts]);
    }
  }

  save(parts: string, saved: readonly SavedPart[]): void {
    for (const { part, isNew } of saved)
      if (isNew) execFileSync('tar', ['-cf', join(this.folder, `${part}.tar`), '-C', parts, part]);
  }
}

const KB = 1000;

/** A job on a new machine: restores, runs, saves. */
async function job(t: TestContext, service: Service, source: string, libc = '2.41'): Promise<Job> {
  const folder = temporaryFolder(t, 'job ö ');
  const [root, parts] = [join(folder, 'störe'), join(folder, 'parts')];
  service.restore(parts);
  await placeParts(root, parts);
  // Times of files are those of a clock that ticks slowly.
  utimesSync(join(parts, 'restored'), new Date(Date.now() - 20), new Date(Date.now() - 20));
  const store = value(await openStore(root));
  const made: string[] = [];
  const package_ = (name: string, bytes: number): Digest => {
    const content = Buffer.alloc(bytes, name);
    return digestOf(content);
  };
  const fetch = (name: string, bytes: number): Digest => {
    const digest = package_(name, bytes);
    if (existsSync(store.blobPath(digest))) return digest;
    made.push(`fetched ${name}`);
    writeFileSync(store.blobPath(digest), Buffer.alloc(bytes, name));
    return digest;
  };
  const entry = async (
    kind: 'trees' | 'builds',
    what: string,
    inputs: Readonly<Record<string, Json>>,
    bytes: number,
    of: readonly StoreEntry[] = [],
  ): Promise<StoreEntry> =>
    value(
      await store.obtain(
        kind,
        { what, ...inputs, of: of.map((one) => one.fingerprint) },
        async (to) => {
          made.push(what);
          mkdirSync(join(to, 'lib'));
          writeFileSync(join(to, 'lib', 'file'), Buffer.alloc(bytes, what));
          symlinkSync('file', join(to, 'lib', 'link'));
          return ok({ what });
        },
        { ...never(), lazily: kind === 'trees', reads: of.map((one) => one.folder) },
      ),
    );
  const locked: LockedFiles = {
    toolchain: [package_('clang', 400 * KB), package_('rustc', 300 * KB)],
    packages: [package_('clang', 400 * KB), package_(`libc ${libc}`, 50 * KB)],
  };
  const unpack = (name: string, bytes: number, files: readonly Digest[]) =>
    store.obtain(
      'trees',
      { what: 'packages', files },
      async (to) => {
        made.push(`unpacked ${name}`);
        if (name === 'toolchain') {
          fetch('clang', 400 * KB);
          fetch('rustc', 300 * KB);
        } else fetch(`libc ${libc}`, 50 * KB);
        writeFileSync(join(to, 'file'), Buffer.alloc(bytes));
        return ok(null);
      },
      { ...never(), lazily: true, reads: [] },
    );
  const toolchain = value(await unpack('toolchain', 2000 * KB, locked.toolchain));
  const packages = value(await unpack('sysroot', 100 * KB, locked.packages));
  const cpython = await entry('trees', 'cpython', {}, 90 * KB, [toolchain, packages]);
  const sysroot = await entry('trees', 'composed', {}, 190 * KB, [packages, cpython]);
  await entry('builds', 'bytecode', { version: 1 }, 45 * KB);
  const program = await entry('builds', 'program', { source }, 21 * KB, [toolchain, sysroot]);
  const bundle = await entry('builds', 'bundle', {}, 16 * KB, [program, sysroot]);
  await entry('builds', 'unpacked bundle', {}, 60 * KB, [bundle]);
  const result = fingerprint({ what: 'sample run', bundle: bundle.fingerprint });
  if ((await store.readResult(result)) === undefined) {
    made.push('ran');
    value(await store.writeResult(result, { status: 'passed' }));
  }
  value(await store.settled());
  const all = await saveParts(root, parts, locked);
  service.save(parts, all);
  return { made, saved: Object.fromEntries(all.map((one) => [one.part, one])) };
}

/** Thousands of bytes that would be sent, by part; what has nothing new is left out. */
function sent({ saved }: Job): Readonly<Record<string, number>> {
  const rows = Object.values(saved).filter(({ isNew }) => isNew);
  return Object.fromEntries(rows.map(({ part, bytes }) => [part, Math.round(bytes / KB / 10) * 10]));
}

test('a first run sends all but what is unpacked; the next with nothing new sends and makes nothing', async (t) => {
  const service = new Service(t);
  const first = await job(t, service, 'one');
  assert.deepEqual(sent(first), { toolchain: 700, packages: 50, built: 140, program: 40 });
  const next = await job(t, service, 'one');
  // Trees are remembered: neither toolchain nor sysroot is unpacked for nothing.
  assert.deepEqual(next.made, ['unpacked bundle']);
  assert.deepEqual(sent(next), {});
});

test('a changed line sends the program alone, and compiles nothing else', async (t) => {
  const service = new Service(t);
  await job(t, service, 'one');
  const changed = await job(t, service, 'two');
  // The toolchain is unpacked beside the sysroot and what is composed of it.
  const before = changed.made.slice(0, 3);
  assert.deepEqual(before.toSorted(), ['composed', 'unpacked sysroot', 'unpacked toolchain']);
  assert.ok(before.indexOf('unpacked sysroot') < before.indexOf('composed'), before.join(', '));
  assert.deepEqual(changed.made.slice(3), ['program', 'bundle', 'unpacked bundle', 'ran']);
  assert.deepEqual(sent(changed), { program: 40 });
  // And so does the one after it: what the first line left is gone.
  const again = await job(t, service, 'three');
  assert.deepEqual(sent(again), { program: 40 });
});

test('a changed lock of the sysroot sends that, what is built on it and the program; not the toolchain', async (t) => {
  const service = new Service(t);
  await job(t, service, 'one');
  const changed = await job(t, service, 'one', '2.42');
  assert.deepEqual(sent(changed), { packages: 50, built: 140, program: 40 });
  assert.equal(changed.made.includes('fetched clang'), false);
  assert.equal(changed.made.includes('cpython'), true);
});

test('a part of which a file is missing in the store is not sent', async (t) => {
  const folder = temporaryFolder(t);
  const store = value(await openStore(join(folder, 'store')));
  const there = digestOf(Buffer.from('there'));
  writeFileSync(store.blobPath(there), 'there');
  const locked = { toolchain: [there, digestOf(Buffer.from('gone'))], packages: [there] };
  const saved = await saveParts(store.folder, join(folder, 'parts'), locked);
  assert.deepEqual(
    saved.map(({ part, isNew }) => [part, isNew]),
    PARTS.map((part) => [part, false]),
  );
  assert.deepEqual(readdirSync(folder), ['store']);
});
