// A recipe in the Docker engine gives the same bundle, and the same report except for engine, durations and time stamps.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  finish,
  PACKAGED_AARCH64,
  provision,
  SHARED_STORE,
  startProvision,
  temporaryFolder,
  untilPrinted,
} from '../support/cli.ts';
import { thingsIn } from '../support/docker-things.ts';
import { engineMissing, startEngine } from '../support/dockerd.ts';
import { programFollowsEdits } from '../support/edited-project.ts';

/** Keys of a report that may differ between engines: engine, times, durations, and what was in the store. */
const OF_THE_RUN = new Set([
  'engine',
  'started',
  'finished',
  'ms',
  'at',
  'stages',
  'cached',
  'notices',
  'logs',
  'bytes',
  'artifacts',
]);

function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !OF_THE_RUN.has(name))
      .map(([name, item]) => [name, comparable(item)]),
  );
}

function reportIn(cwd: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(cwd, 'artifacts', 'aarch64', 'report.json'), 'utf8')) as Record<
    string,
    unknown
  >;
}

/** A store with the packages and trees of the shared one, but without anything made by an engine. */
function freshStore(folder: string): string {
  const store = join(folder, 'store');
  mkdirSync(store);
  for (const part of ['blobs', 'trees']) {
    assert.equal(spawnSync('cp', ['-al', join(SHARED_STORE, part), join(store, part)]).status, 0);
  }
  return store;
}

for (const product of ['dockerd', 'podman'] as const) {
  const missing = engineMissing(product);
  test(`${product} gives the same bundle and report as the namespace engine`, {
    skip: missing === undefined ? false : missing,
  }, async (t) => {
    const folder = temporaryFolder(t);
    const [with_, without] = [join(folder, 'docker'), join(folder, 'namespace')];
    for (const place of [with_, without]) mkdirSync(place);
    const own = await provision([PACKAGED_AARCH64, '--engine', 'namespace'], {
      cwd: without,
      store: SHARED_STORE,
      timeoutMs: 30 * 60_000,
    });
    assert.equal(own.status, 0, own.stdout + own.stderr);
    // With the seccomp profile of Docker a sample that starts programs is skipped: containers may not have namespaces.
    const under = await startEngine(product, { unfiltered: product === 'dockerd' });
    t.after(() => under.remove());
    const store = freshStore(folder);
    const engine = ['--engine', `docker:unix://${under.socket}`];
    const run = await provision([PACKAGED_AARCH64, ...engine], { cwd: with_, store, timeoutMs: 30 * 60_000 });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const [mine, theirs] = [reportIn(with_), reportIn(without)];
    assert.equal((mine.engine as { name: string }).name, 'docker');
    assert.equal((mine.bundle as { digest: string }).digest, (theirs.bundle as { digest: string }).digest);
    assert.deepEqual(comparable(mine), comparable(theirs));
    assert.deepEqual((await thingsIn(under.socket)).containers, [], 'no container is left');
    if (product === 'dockerd') await fillsTheDisk(folder, engine, store);
    if (product === 'dockerd') await programFollowsEdits(t, { args: engine, store });
    // Everything is in the store now, so no engine is contacted.
    await under.kill();
    const warm = await provision([PACKAGED_AARCH64, ...engine], { cwd: with_, store });
    assert.equal(warm.status, 0, warm.stderr);
    assert.ok(existsSync(join(with_, 'artifacts', 'aarch64', 'report.json')));
    if (product === 'podman') return;
    await under.start();
    // While volumes are filled, containers are made, and crates compiled.
    for (const after of [100, 2000, 5000]) await interruptedBuild(folder, under.socket, after);
  });
}

/** In its own folder, and in that for temporary files: one alone is not beyond the limit. */
const FILLING = `import os, time
for place in (os.getcwd(), '/tmp'):
    with open(os.path.join(place, 'big'), 'wb') as file:
        for _ in range(75):
            file.write(bytes(4 << 20))
time.sleep(30)
print('there was room')
`;

/** A sample that writes more than it may is ended in both engines, with the same words. */
async function fillsTheDisk(folder: string, engine: readonly string[], store: string): Promise<void> {
  const sample = join(folder, 'fill.py');
  writeFileSync(sample, FILLING);
  for (const [args, place] of [
    [engine, store],
    [['--engine', 'namespace'], SHARED_STORE],
  ] as const) {
    const run = await provision([PACKAGED_AARCH64, ...args, '--samples', sample], {
      cwd: folder,
      store: place,
      timeoutMs: 30 * 60_000,
    });
    assert.equal(run.status, 7, run.stdout + run.stderr);
    assert.match(run.stdout + run.stderr, /wrote more than 512 MiB to the disk, and so did the reference/);
  }
}

/** Ctrl-C during the build leaves nothing running in the engine. */
async function interruptedBuild(folder: string, socket: string, after: number): Promise<void> {
  const store = join(folder, `interrupted-${after}`);
  mkdirSync(store);
  for (const part of ['blobs', 'trees']) symlinkSync(join(folder, 'store', part), join(store, part));
  const child = startProvision([PACKAGED_AARCH64, '--engine', `docker:unix://${socket}`], {
    cwd: folder,
    store,
  });
  await untilPrinted(child, /engine: done/);
  await new Promise((resolve) => setTimeout(resolve, after));
  const ended = finish(child, 60_000);
  child.kill('SIGINT');
  const { status, stdout, stderr } = await ended;
  assert.equal(status, 130, `${stdout}\n${stderr}`);
  assert.deepEqual((await thingsIn(socket)).containers, []);
}
