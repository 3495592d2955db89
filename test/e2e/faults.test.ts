// Real faults in the real pipeline; after each, the next run must succeed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CliRun,
  copyOfTool,
  finish,
  PACKAGED_AARCH64,
  provision,
  REPOSITORY,
  SHARED_STORE,
  startProvision,
  temporaryFolder,
  untilPrinted,
} from '../support/cli.ts';
import { cloneStore, removeEntries } from '../support/clone-store.ts';
import { ownCopyOfRunner } from '../support/project.ts';

before(async () => {
  const run = await provision([PACKAGED_AARCH64], {
    store: SHARED_STORE,
    cwd: temporaryFolder({ after: (done) => process.once('exit', done) }),
    timeoutMs: 30 * 60_000,
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
});

function mounts(): string {
  return readFileSync('/proc/mounts', 'utf8');
}

/** Processes whose command line or root contains the folder. */
function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(folder) ? [`${pid} ${line}`] : [];
      } catch {
        return [];
      }
    });
}

async function goneWithin(folder: string, ms: number): Promise<string[]> {
  const end = Date.now() + ms;
  let left = processesOf(folder);
  while (left.length > 0 && Date.now() < end) {
    await sleep(100);
    left = processesOf(folder);
  }
  return left;
}

const STAGES = [
  { stage: 'sysroot', kind: 'trees', entries: /aarch64|arm64/, title: /Sysroot/ },
  {
    stage: 'bytecode',
    kind: 'builds',
    entries: /"what": ?"bytecode"/,
    title: /Compile the standard library/,
  },
  { stage: 'build', kind: 'builds', entries: /"what": ?"program"/, title: /Build isolate/ },
  { stage: 'bundle', kind: 'builds', entries: /"what": ?"(unpacked )?bundle"/, title: /Bundle/ },
  { stage: 'run', kind: 'builds', entries: /nothing/, title: /Samples/ },
] as const;

/** Few samples, so that the tests wait only for the stage under test. */
const FEW = ['--samples', join(REPOSITORY, 'runner', 'samples', 'any')];

for (const { stage, kind, entries, title } of STAGES) {
  test(`kill -9 during ${stage} leaves no process and no partial entry; the next run succeeds`, async (t) => {
    const folder = temporaryFolder(t);
    const store = cloneStore(folder, stage === 'build' ? ['volumes'] : stage === 'run' ? ['results'] : []);
    const removed = removeEntries(store, kind, entries);
    if (stage !== 'run') assert.ok(removed > 0, 'an entry to make anew');
    const child = startProvision([PACKAGED_AARCH64, ...FEW], { cwd: folder, store });
    await untilPrinted(child, title);
    await sleep(stage === 'build' ? 4000 : 250);
    const ended = finish(child, 60_000);
    child.kill('SIGKILL');
    await ended;
    assert.deepEqual(await goneWithin(folder, 5000), []);
    assert.ok(!mounts().includes(folder), 'no mount is left');
    const again = await provision([PACKAGED_AARCH64, ...FEW], { cwd: folder, store });
    assert.equal(again.status, 0, again.stdout + again.stderr);
  });
}

test('Ctrl-C during the build gives exit code 130 and leaves no process and no mount; the next run succeeds', async (t) => {
  const folder = temporaryFolder(t);
  const store = cloneStore(folder, ['volumes']);
  assert.ok(removeEntries(store, 'builds', /"what": ?"program"/) > 0);
  const child = startProvision([PACKAGED_AARCH64, ...FEW], { cwd: folder, store });
  await untilPrinted(child, /Build isolate/);
  await sleep(4000);
  const ended = finish(child, 60_000);
  child.kill('SIGINT');
  const run = await ended;
  assert.equal(run.status, 130, run.stderr);
  assert.deepEqual(await goneWithin(folder, 3000), []);
  assert.ok(!mounts().includes(folder));
  assert.equal((await provision([PACKAGED_AARCH64, ...FEW], { cwd: folder, store })).status, 0);
});

test('of two runs on one store one builds, and the other waits and uses its result', async (t) => {
  const folder = temporaryFolder(t);
  const store = cloneStore(folder, ['volumes']);
  assert.ok(removeEntries(store, 'builds', /"what": ?"(program|bundle|unpacked bundle)"/) > 0);
  const places = ['a', 'b'].map((name) => join(folder, name));
  for (const place of places) mkdirSync(place);
  const runs = await Promise.all(places.map((cwd) => provision([PACKAGED_AARCH64, ...FEW], { cwd, store })));
  for (const run of runs) assert.equal(run.status, 0, run.stdout + run.stderr);
  assert.ok(
    runs.some(({ stdout, stderr }) => /waiting/i.test(stdout + stderr)),
    'the waiting is reported',
  );
  const outcomes = places.map((place) => {
    const report = JSON.parse(readFileSync(join(place, 'artifacts', 'aarch64', 'report.json'), 'utf8')) as {
      stages: { name: string; outcome: string }[];
      bundle: { digest: string };
    };
    return {
      build: report.stages.find(({ name }) => name === 'build')?.outcome,
      digest: report.bundle.digest,
    };
  });
  assert.deepEqual(outcomes.map(({ build }) => build).sort(), ['done', 'hit']);
  assert.equal(outcomes[0]?.digest, outcomes[1]?.digest);
});

test('a compile error gives exit code 6, the compiler output and a log; the fixed program then builds', async (t) => {
  const { place, recipe, crate } = ownCopyOfRunner(t);
  const source = join(crate, 'src', 'main.rs');
  const good = readFileSync(source, 'utf8');
  writeFileSync(source, `${good}\nfn broken() -> u32 { "text" }\n`);
  const run = await provision([recipe], { cwd: place, store: SHARED_STORE });
  assert.equal(run.status, 6, run.stdout + run.stderr);
  assert.match(run.stderr, /build\/failed/);
  assert.match(run.stderr, /mismatched types/);
  assert.match(readFileSync(join(place, 'artifacts', 'mine', 'logs', 'build.log'), 'utf8'), /E0308/);
  const { status } = JSON.parse(readFileSync(join(place, 'artifacts', 'mine', 'report.json'), 'utf8')) as {
    status: string;
  };
  assert.notEqual(status, 'passed');
  writeFileSync(source, good);
  assert.equal((await provision([recipe], { cwd: place, store: SHARED_STORE })).status, 0);
});

test('a wrong sha256 in a lock gives exit code 4 and both digests, and stores nothing', async (t) => {
  const folder = temporaryFolder(t);
  const home = copyOfTool(folder);
  const file = join(home, 'pythons', 'cpython-3.13', 'reference.amd64.lock');
  const wrong = 'f'.repeat(64);
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(/("name": "python3\.13-minimal".*?sha256:)[0-9a-f]{64}/, `$1${wrong}`),
  );
  const store = cloneStore(folder);
  const run = await provision([PACKAGED_AARCH64, '--frozen'], { cwd: folder, home, store });
  assert.equal(run.status, 4, run.stdout + run.stderr);
  assert.match(run.stderr, /fetch\/digest-mismatch/);
  assert.match(run.stderr, new RegExp(wrong.slice(0, 12)));
  assert.ok(!existsSync(join(store, 'blobs', 'sha256', wrong)));
});

test('packages missing on the mirror fail with --frozen; without it the lock is resolved again with a warning', async (t) => {
  const folder = temporaryFolder(t);
  const home = copyOfTool(folder);
  const store = cloneStore(folder);
  const file = join(home, 'pythons', 'cpython-3.13', 'reference.amd64.lock');
  const before = readFileSync(file, 'utf8');
  // A version that the archive does not have any more.
  const gone = before.replace(
    /("name": "media-types".*?)_[\d.+-]+_all\.deb(.*?sha256:)[0-9a-f]{64}/,
    `$1_1.0_all.deb$2${'a'.repeat(64)}`,
  );
  assert.notEqual(gone, before);
  writeFileSync(file, gone);
  const server = createServer((_, response) => response.writeHead(404).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`;
  const frozen = await provision([PACKAGED_AARCH64, '--frozen'], {
    cwd: folder,
    home,
    store,
    env: { PROVISION_DEBIAN_MIRROR: mirror },
  });
  assert.equal(frozen.status, 4, frozen.stdout + frozen.stderr);
  assert.match(frozen.stderr, /fetch\/not-found/);
  assert.match(frozen.stderr, /media-types/);
  assert.equal(readFileSync(file, 'utf8'), gone);
  const fixed = await provision([PACKAGED_AARCH64], { cwd: folder, home, store });
  assert.equal(fixed.status, 0, fixed.stdout + fixed.stderr);
  assert.match(fixed.stdout + fixed.stderr, /media-types/);
  assert.notEqual(readFileSync(file, 'utf8'), gone);
});

test('an empty store without network gives exit code 4 and what to do', async (t) => {
  const folder = temporaryFolder(t);
  const dead = await provision([PACKAGED_AARCH64], {
    cwd: folder,
    store: join(folder, 'store'),
    env: { PROVISION_DEBIAN_MIRROR: 'http://127.0.0.1:9/debian' },
  });
  assert.equal(dead.status, 4, dead.stdout + dead.stderr);
  assert.match(dead.stderr, /fetch\/no-network/);
  const offline = await provision([PACKAGED_AARCH64, '--offline'], {
    cwd: folder,
    store: join(folder, 'store'),
  });
  assert.equal(offline.status, 4);
  assert.match(offline.stderr, /fetch\/offline/);
});

/** Runs with the store on a separate file system, which is unmounted before the test's folder is removed. */
async function onFileSystem(
  t: TestContext,
  options: string,
  check: (run: CliRun, store: string) => void,
): Promise<void> {
  const folder = temporaryFolder(t);
  const store = join(folder, 'mounted');
  mkdirSync(store);
  assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', store]).status, 0);
  try {
    check(await provision([PACKAGED_AARCH64], { cwd: folder, store }), store);
  } finally {
    assert.equal(spawnSync('umount', [store]).status, 0);
  }
}

const ROOT_ONLY = { skip: process.getuid?.() === 0 ? false : 'mounting a file system needs root' };

test('a full disk gives exit code 5 with its cause and leaves no partial entry', ROOT_ONLY, (t) =>
  onFileSystem(t, 'size=120m', (run, store) => {
    assert.equal(run.status, 5, run.stdout + run.stderr);
    assert.match(run.stderr, /store\/no-space/);
    assert.deepEqual(readdirSync(join(store, 'trees')), []);
  }),
);

test('a read-only store gives exit code 5 and what to do', ROOT_ONLY, (t) =>
  onFileSystem(t, 'ro', (run) => {
    assert.equal(run.status, 5, run.stdout + run.stderr);
    assert.match(run.stderr, /store\/(read-only|not-writable)/);
  }),
);

test('an artifacts folder that cannot be written is a failure', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'artifacts'), 'a file in the way');
  const run = await provision([PACKAGED_AARCH64], { cwd: folder, store: SHARED_STORE });
  assert.equal(run.status, 2, run.stdout + run.stderr);
  assert.match(run.stderr, /usage\/artifacts/);
});
