import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { file, folder, hardLink, MTIME, symlink, type TarPart, writeDeb } from '../support/deb.ts';
import { asOrdinaryUser } from '../support/ordinary-user.ts';
import { arriving, listing, names, unpackFiles, unpackingRoot, unpackParts } from '../support/unpacking.ts';

/** Packages that share folders, with folders that differ and folders without an entry. */
const SHARING: readonly (readonly TarPart[])[] = Array.from({ length: 8 }, (_, i) => [
  folder('./usr/', { mtime: MTIME + i }),
  folder('./usr/lib/', { mode: i % 2 === 0 ? 0o750 : 0o705, mtime: MTIME + 100 - i }),
  file(`./usr/lib/own-${i}`, Buffer.alloc(i * 20_000, `${i}`)),
  file(`./usr/unnamed/deep/${i}/file`, `${i}`),
  file('./usr/lib/same', 'in all of them', { mtime: MTIME + i }),
  symlink('./usr/lib/link', 'same', { mtime: MTIME + i }),
  hardLink(`./usr/lib/hard-${i}`, `./usr/lib/own-${i}`),
]);

test('packages that share folders and equal files make the same tree in every order and with any number of jobs', async (t) => {
  const trees: string[][] = [];
  for (const [jobs, packages] of [
    [1, SHARING],
    [4, SHARING.toReversed()],
    [2, [...SHARING.slice(3), ...SHARING.slice(0, 3)]],
  ] as const) {
    const at = unpackingRoot(t, { links: true });
    const done = await unpackParts(at, packages, { jobs });
    assert.deepEqual(done, { ok: true, value: { files: 8 * 3 + 2, bytes: 28 * 20_000 + 8 * (1 + 14) } });
    trees.push(listing(at.root));
  }
  assert.deepEqual(trees[1], trees[0]);
  assert.deepEqual(trees[2], trees[0]);
  const shared = trees[0]?.filter((line) => /^usr\/lib(\/same|\/link)? /.test(line));
  assert.deepEqual(shared, [
    `usr/lib 755 ${MTIME + 100}`,
    `usr/lib/link 777 ${MTIME + 7} → same`,
    `usr/lib/same 644 ${MTIME + 7} in all of them`,
  ]);
});

for (const [title, one, other] of [
  ['different contents', file('./etc/both', 'a'), file('./etc/both', 'b')],
  ['different modes', file('./etc/both', 'a'), file('./etc/both', 'a', { mode: 0o755 })],
  ['different link texts', symlink('./etc/both', 'a'), symlink('./etc/both', 'b')],
  ['a file and a link', file('./etc/both', 'a'), symlink('./etc/both', 'a')],
  ['a file and a folder', file('./etc/both', 'a'), folder('./etc/both/')],
] as const) {
  test(`two packages with one path and ${title} are a conflict in either order`, async (t) => {
    for (const packages of [
      [[one], [other]],
      [[other], [one]],
    ]) {
      const done = await unpackParts(unpackingRoot(t), packages, { jobs: 2 });
      assert.ok(!done.ok);
      assert.equal(done.error.code, 'archive/conflict');
      assert.match(done.error.what, /etc\/both/);
    }
  });
}

test('the largest of the packages that wait is taken first', async (t) => {
  const at = unpackingRoot(t);
  const sizes = [10, 400_000, 100, 900_000, 1000];
  const files = sizes.map((size, i) => {
    const path = join(at.outside, `${i}.deb`);
    writeDeb(
      path,
      [file(`./${i}`, Buffer.from(Array.from({ length: size }, () => Math.random() * 256)))],
      'none',
    );
    return path;
  });
  const done: number[] = [];
  await unpackFiles(at.root, files, { onProgress: ({ bytes }) => done.push(bytes) });
  const steps = done.map((bytes, i) => bytes - (done[i - 1] ?? 0)).filter((step) => step > 0);
  // The first to arrive may be taken before the others are there.
  assert.deepEqual(
    steps.filter((step) => step !== 10),
    [900_000, 400_000, 1000, 100],
  );
});

test('progress is reported and ends with all packages', async (t) => {
  const reported: { packages: number; bytes: number }[] = [];
  const done = await unpackParts(unpackingRoot(t), SHARING, {
    onProgress: (progress) => reported.push(progress),
  });
  assert.ok(done.ok);
  assert.deepEqual(reported.at(-1), { packages: 8, bytes: done.value.bytes });
});

test('packages that arrive late are waited for', async (t) => {
  const at = unpackingRoot(t);
  const path = join(at.outside, 'one.deb');
  writeDeb(path, [file('./one')]);
  async function* late() {
    await sleep(100);
    yield* arriving([path]);
    await sleep(100);
  }
  const done = await unpackFiles(at.root, [], { packages: late(), jobs: 3 });
  assert.ok(done.ok);
  assert.deepEqual(names(at.root), ['one']);
});

test('an interrupt aborts the unpacking and every xz process at once', async (t) => {
  const at = unpackingRoot(t);
  const path = join(at.outside, 'endless.deb');
  writeDeb(path, [file('./zeros', Buffer.alloc(150_000_000))]);
  const controller = new AbortController();
  const started = performance.now();
  const done = await unpackFiles(at.root, [path], {
    signal: controller.signal,
    limits: { bytes: 1e12, files: 10 },
    onProgress: ({ bytes }) => bytes > 0 && controller.abort(),
  });
  assert.ok(!done.ok);
  assert.equal(done.error.code, 'interrupted/signal');
  assert.ok(performance.now() - started < 5000);
  assert.deepEqual(xzOf(process.pid), []);
});

test('an interrupt ends the waiting for packages that never come', async (t) => {
  const at = unpackingRoot(t);
  async function* never() {
    await new Promise(() => {});
    yield* arriving([]);
  }
  const signal = AbortSignal.timeout(150);
  const done = await unpackFiles(at.root, [], { packages: never(), signal });
  assert.ok(!done.ok);
  assert.equal(done.error.code, 'interrupted/signal');
});

test('the first failure stops the others and requests no more packages', async (t) => {
  const at = unpackingRoot(t);
  const bad = join(at.outside, 'bad.deb');
  writeFileSync(bad, 'no package');
  let asked = 0;
  let ended = false;
  async function* endless() {
    try {
      for (;;) {
        asked += 1;
        yield* arriving([bad]);
        await sleep(20);
      }
    } finally {
      ended = true;
    }
  }
  const done = await unpackFiles(at.root, [], { packages: endless(), jobs: 2 });
  assert.ok(!done.ok);
  assert.equal(done.error.code, 'archive/corrupt');
  const before = asked;
  await sleep(200);
  // One was on its way.
  assert.ok(asked <= before + 1, `${asked} after ${before}`);
  assert.equal(ended, true);
});

test('what the source of packages throws is rethrown unchanged', async (t) => {
  const at = unpackingRoot(t);
  async function* broken() {
    yield* arriving([]);
    throw new Error('a bug of the source');
  }
  await assert.rejects(unpackFiles(at.root, [], { packages: broken(), jobs: 2 }), /a bug of the source/);
});

test('a package file that does not exist is a bug, not a failure', async (t) => {
  const at = unpackingRoot(t);
  const packages = (async function* () {
    yield { file: join(at.outside, 'absent.deb'), name: 'absent', size: 1 };
  })();
  await assert.rejects(unpackFiles(at.root, [], { packages }), /ENOENT/);
});

test('without xz the failure names it and the package that brings it', (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'bin'));
  const deb = join(folder, 'one.deb');
  writeDeb(deb, [file('./one')]);
  const env = execFileSync('sh', ['-c', 'command -v env'], { encoding: 'utf8' }).trim();
  writeFileSync(join(folder, 'bin', 'env'), `#!/bin/sh\nexec ${env} "$@"\n`);
  chmodSync(join(folder, 'bin', 'env'), 0o755);
  const output = runUnpack([deb, join(folder, 'root')], { PATH: join(folder, 'bin') });
  assert.match(output, /"code":"archive\/no-xz"/);
  assert.match(output, /xz-utils/);
});

test('an ordinary user can unpack what belongs to others and what nobody may write', (t) => {
  const user = asOrdinaryUser(t);
  if (!user) return t.skip('no other user to be had here');
  const deb = join(user.folder, 'one.deb');
  writeDeb(deb, [
    folder('./etc/', { mode: 0o500 }),
    file('./etc/shadow', 'x', { mode: 0o0 }),
    folder('./root/', { mode: 0o0 }),
    file('./root/tool', 'x', { mode: 0o4711 }),
  ]);
  chmodSync(deb, 0o644);
  const root = join(user.folder, 'root');
  const output = user.run([join(REPOSITORY, 'test/support/unpack-program.ts'), deb, root]);
  assert.equal(output, '{"ok":true,"value":{"files":2,"bytes":2}}\n');
  assert.equal(statSync(join(root, 'root/tool')).uid, user.uid);
  assert.deepEqual(readdirSync(root).sort(), ['etc', 'root']);
});

test('the memory of the whole program stays low while much is unpacked', (t) => {
  const folder = temporaryFolder(t);
  const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'cache'), REPORT_MEMORY: '1' };
  const debs = Array.from({ length: 6 }, (_, i) => {
    const deb = join(folder, `${i}.deb`);
    writeDeb(deb, [file(`./${i}`, Buffer.alloc(60_000_000, `${i}`)), ...many(i)]);
    return deb;
  });
  // As the launcher does it: with a compile cache, filled by an earlier run.
  runUnpack([join(folder, 'first')], env);
  const output = runUnpack([...debs, join(folder, 'root')], { ...env, JOBS: '4' });
  const { value, rss } = JSON.parse(output) as { value: { files: number }; rss: number };
  assert.equal(value.files, 6 * 2001);
  assert.ok(rss < 270e6, `${rss} bytes`);
});

function many(i: number): TarPart[] {
  return Array.from({ length: 2000 }, (_, n) => file(`./many/${i}/${n % 50}/${n}`, `${n}`));
}

function runUnpack(args: readonly string[], env: NodeJS.ProcessEnv): string {
  const program = join(REPOSITORY, 'test/support/unpack-program.ts');
  return execFileSync(process.execPath, [program, ...args], { encoding: 'utf8', env });
}

/** Command lines of the xz processes that are children of a process. */
function xzOf(pid: number): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/stat`, 'latin1');
      } catch {
        return '';
      }
    })
    .filter(
      (stat) => stat.includes('(xz)') && stat.slice(stat.lastIndexOf(')')).split(' ')[2] === String(pid),
    );
}
