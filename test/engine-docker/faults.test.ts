// What goes wrong with a real engine while we work with it, and that the next run is whole again.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DockerBench,
  makeDockerBench,
  probe,
  removeDockerBench,
  storedTree,
} from '../support/docker-bench.ts';
import { ask, thingsIn } from '../support/docker-things.ts';
import { engineMissing, startEngine, type TestEngine } from '../support/dockerd.ts';
import { ENV, run, shell, value } from '../support/sandboxes.ts';

const PROGRAM = join(import.meta.dirname, '../support/docker-program.ts');
const missing = engineMissing('dockerd');

describe('faults of dockerd', { skip: missing === undefined ? false : missing }, () => {
  let bench: DockerBench;
  let under: TestEngine;
  before(async () => {
    under = await startEngine('dockerd');
    bench = await makeDockerBench(under);
  });
  after(async () => {
    await removeDockerBench(bench);
    await under.remove();
  });

  /** A run of its own: finds the engine anew, opens a sandbox and runs a command. */
  const another = async (script = 'cat /sysroot/file'): Promise<string> => {
    const { engine } = value(await probe(under, bench.folder, bench.store));
    const mounts = [
      { kind: 'tree', source: await sysroot(), at: '/sysroot' } as const,
      { kind: 'scratch', at: '/s' } as const,
    ];
    const box = value(await engine.open({ rootfs: bench.rootfs, mounts, network: 'none' }));
    try {
      return (await shell(box, script)).stdout;
    } finally {
      await box[Symbol.asyncDispose]();
      await engine.close?.();
    }
  };

  const sysroot = (): Promise<string> =>
    storedTree(bench.store, 'sysroot', async (root) => writeFileSync(join(root, 'file'), 'tree\n'));

  /** A process of its own in the middle of a command; resolves when the command runs. */
  const runningElsewhere = async () => {
    const request = {
      socket: under.socket,
      folder: bench.folder,
      rootfs: bench.rootfs,
      argv: ['sh', '-c', 'echo begun; sleep 600'],
    };
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(request)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => chunk.includes('begun') && resolve());
      child.once('close', () => reject(new Error('it ended before it ran')));
    });
    return child;
  };

  test('a daemon killed in the middle of a command is a failure; restarted, the next run is whole', async () => {
    const { engine } = value(await probe(under, bench.folder, bench.store));
    const box = value(
      await engine.open({ rootfs: bench.rootfs, mounts: [{ kind: 'scratch', at: '/s' }], network: 'none' }),
    );
    const running = box.run({ argv: ['sleep', '600'], env: ENV, cwd: '/' });
    await sleep(1500);
    await under.kill();
    const exit = await running;
    assert.equal(exit.ok ? JSON.stringify(exit.value) : exit.error.code, 'engine/docker-lost');
    const next = await box.run({ argv: ['true'], env: ENV, cwd: '/' });
    assert.equal(next.ok ? '' : next.error.code, 'engine/docker-lost');
    await box[Symbol.asyncDispose]();
    await engine.close?.();
    const unreachable = await probe(under, bench.folder, bench.store);
    assert.equal(unreachable.ok ? '' : unreachable.error.code, 'engine/docker-not-running');
    await under.start();
    assert.equal(await another(), 'tree\n');
    // They are this living process's, which lost them with the daemon: swept when it has ended.
    const left = await thingsIn(under.socket);
    for (const id of left.containers) await ask(under.socket, 'DELETE', `/containers/${id}?force=1`);
    for (const name of left.volumes) await ask(under.socket, 'DELETE', `/volumes/${name}`);
  });

  test('a daemon restarted between two runs keeps what was sent', async () => {
    assert.equal(await another(), 'tree\n');
    const before = await thingsIn(under.socket);
    await under.kill();
    await under.start();
    assert.equal(await another(), 'tree\n');
    const later = await thingsIn(under.socket);
    const kept = (names: readonly string[]): readonly string[] =>
      names.filter((name) => name.includes('-tree-'));
    assert.deepEqual(kept(later.volumes), kept(before.volumes));
  });

  test('images and volumes that are deleted during a run are made anew', async (t) => {
    const mounts = [{ kind: 'tree', source: await sysroot(), at: '/sysroot' } as const];
    const fresh = value(await probe(under, bench.folder, bench.store)).engine;
    t.after(() => fresh.close?.());
    const box = value(await fresh.open({ rootfs: bench.rootfs, mounts, network: 'none' }));
    t.after(() => box[Symbol.asyncDispose]());
    assert.equal((await run(box, ['cat', '/sysroot/file'])).stdout, 'tree\n');
    const { containers, images, volumes } = await thingsIn(under.socket);
    // One that has run is kept for what is copied out, and has its volumes.
    for (const id of containers) await ask(under.socket, 'DELETE', `/containers/${id}?force=1`);
    for (const id of images) await ask(under.socket, 'DELETE', `/images/${id}?force=1`).catch(() => {});
    for (const name of volumes) await ask(under.socket, 'DELETE', `/volumes/${name}`);
    // The engine itself would make an empty volume in place of the missing one, without a word.
    assert.equal((await run(box, ['cat', '/sysroot/file'])).stdout, 'tree\n');
    assert.equal(await another(), 'tree\n');
  });

  test('files are copied out of a sandbox whose containers somebody has removed', async (t) => {
    const mounts = [{ kind: 'scratch', at: '/job/out' } as const];
    const box = value(await bench.engine.open({ rootfs: bench.rootfs, mounts, network: 'none' }));
    t.after(() => box[Symbol.asyncDispose]());
    await run(box, ['sh', '-c', 'echo made > /job/out/file']);
    const { containers } = await thingsIn(under.socket);
    assert.notDeepEqual(containers, []);
    for (const id of containers) await ask(under.socket, 'DELETE', `/containers/${id}?force=1`);
    const to = join(bench.make('copied'), 'file');
    assert.ok((await box.copyOut('/job/out/file', to)).ok);
    assert.equal(readFileSync(to, 'utf8'), 'made\n');
  });

  test('what a killed run left is removed by the next one: running containers, scratch folders, images', async () => {
    const child = await runningElsewhere();
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    const left = await thingsIn(under.socket);
    assert.equal(left.containers.length, 1);
    assert.ok(left.volumes.some((name) => name.includes('-scratch-')));
    assert.equal(await another(), 'tree\n');
    const later = await thingsIn(under.socket);
    assert.deepEqual(later.containers, []);
    assert.ok(!later.volumes.some((name) => name.includes('-scratch-')));
  });

  test('the next run does not remove what a living one uses', async () => {
    const child = await runningElsewhere();
    const mine = await thingsIn(under.socket);
    assert.equal(await another(), 'tree\n');
    const still = await thingsIn(under.socket);
    for (const id of mine.containers) assert.ok(still.containers.includes(id));
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGINT');
    await ended;
    assert.deepEqual((await thingsIn(under.socket)).containers, [], 'Ctrl-C leaves none');
  });

  test('a volume of that name that was not filled to its end is filled anew', async () => {
    assert.equal(await another(), 'tree\n');
    const { volumes } = await thingsIn(under.socket);
    const name = volumes.find((one) => one.includes('-tree-')) as string;
    await ask(under.socket, 'DELETE', `/volumes/${name}`);
    // As a run leaves it that is killed before the first file is there.
    await ask(under.socket, 'POST', '/volumes/create', {
      Name: name,
      Labels: { 'provision.kind': 'tree', 'provision.making': 'another' },
    });
    assert.equal(await another(), 'tree\n');
  });

  test('two at once on one engine and one store: both work, each thing is sent once', async () => {
    for (const { id, kind } of await everything(under))
      await ask(under.socket, 'DELETE', `/${kind}/${id}?force=1`).catch(() => {});
    assert.deepEqual(await Promise.all([another(), another(), another()]), ['tree\n', 'tree\n', 'tree\n']);
    const { volumes } = await thingsIn(under.socket);
    assert.equal(volumes.filter((name) => name.includes('-tree-')).length, 1);
  });
});

async function everything({ socket }: TestEngine) {
  const { images, volumes } = await thingsIn(socket);
  return [...volumes.map((id) => ({ id, kind: 'volumes' })), ...images.map((id) => ({ id, kind: 'images' }))];
}

test('a full disk of the engine is reported, and nothing half-made is taken for whole', {
  skip: missing === undefined ? false : missing,
}, async (t) => {
  const under = await startEngine('dockerd', { size: 60 * 1024 ** 2 });
  t.after(() => under.remove());
  const bench = await makeDockerBench(under);
  t.after(() => removeDockerBench(bench));
  const large = await storedTree(bench.store, 'large', async (root) => {
    mkdirSync(join(root, 'tmp'));
    for (let index = 0; index < 20; index += 1)
      writeFileSync(join(root, `file${index}`), Buffer.alloc(8 * 1024 ** 2, index + 1));
  });
  const opened = await bench.engine.open({ rootfs: large, mounts: [], network: 'none' });
  assert.equal(opened.ok ? '' : opened.error.code, 'engine/docker-no-space');
  assert.deepEqual((await thingsIn(under.socket)).images, []);
});
