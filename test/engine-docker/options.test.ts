// What a recipe asks of the engine, and what `clean` removes from it; by Docker's daemon and Podman's service.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { probeDockerEngine } from '../../src/engine/docker/docker.ts';
import { provision } from '../support/cli.ts';
import { type DockerBench, makeDockerBench, removeDockerBench, storedTree } from '../support/docker-bench.ts';
import { ask, thingsIn } from '../support/docker-things.ts';
import { engineMissing, type Product, startEngine } from '../support/dockerd.ts';
import { dockerContext } from '../support/fake-docker.ts';
import { makeRootfs } from '../support/rootfs.ts';
import { shell, value } from '../support/sandboxes.ts';

for (const product of ['dockerd', 'podman'] satisfies Product[]) {
  const missing = engineMissing(product);
  describe(product, { skip: missing ?? false }, () => suite(product));
}

function suite(product: Product): void {
  let bench: DockerBench;
  before(async () => {
    bench = await makeDockerBench(await startEngine(product));
  });
  after(async () => {
    await removeDockerBench(bench);
    await bench.under.remove();
  });
  const address = () => `docker:unix://${bench.under.socket}`;

  test('limits of a recipe are those of each container, and the image carries the checksum of its lock', async () => {
    const rootfs = await storedTree(bench.store, 'another', async (root) => void makeRootfs(root));
    const context = dockerContext(bench.folder, address());
    const limits = { memory: 256 * 2 ** 20, processors: 0.5 };
    const locks = new Map([[rootfs, 'sha256:0123']]);
    const engine = value(await probeDockerEngine(context, { store: bench.store, limits, locks }));
    const box = value(await engine.open({ rootfs, mounts: [], network: 'none' }));
    let seen: unknown;
    const exit = await shell(box, 'echo ready; sleep 3', {
      onOutput: () => {
        seen ??= thingsIn(bench.under.socket).then(({ containers: [id] }) =>
          ask(bench.under.socket, 'GET', `/containers/${id}/json`),
        );
      },
    });
    assert.equal(exit.status, 0, exit.stderr);
    const { HostConfig, Image } = (await seen) as {
      HostConfig: { Memory: number; NanoCpus: number; CpuQuota: number; CpuPeriod: number };
      Image: string;
    };
    assert.equal(HostConfig.Memory, limits.memory);
    assert.equal(HostConfig.NanoCpus / 1e9 || HostConfig.CpuQuota / HostConfig.CpuPeriod, limits.processors);
    const image = await ask<{ Config: { Labels: Record<string, string> } }>(
      bench.under.socket,
      'GET',
      `/images/${Image.replace('sha256:', '')}/json`,
    );
    assert.equal(image.Config.Labels['provision.lock'], 'sha256:0123');
    await box[Symbol.asyncDispose]();
    await engine.close?.();
  });

  test('clean removes what the store keeps in the engine', async () => {
    const box = value(await bench.engine.open({ rootfs: bench.rootfs, mounts: [], network: 'none' }));
    await shell(box, 'true');
    await box[Symbol.asyncDispose]();
    assert.notDeepEqual((await thingsIn(bench.under.socket)).images, []);
    const clean = (...args: string[]) =>
      provision(['clean', ...args, '--engine', address()], {
        cwd: bench.folder,
        store: join(bench.folder, 'store'),
      });
    const dry = await clean('--all', '--dry-run', '--json');
    assert.equal(dry.status, 0, dry.stderr);
    assert.equal((JSON.parse(dry.stdout) as { engine: unknown }).engine, null);
    assert.notDeepEqual((await thingsIn(bench.under.socket)).images, []);
    const inUse = await clean('--all');
    assert.equal(inUse.status, 0, inUse.stderr);
    assert.notDeepEqual(
      (await thingsIn(bench.under.socket)).images,
      [],
      'what a running provision uses stays',
    );
    await bench.engine.close?.();
    const all = await clean('--all');
    assert.equal(all.status, 0, all.stderr);
    assert.match(all.stdout, /^Removed from the engine: containers 0, volumes \d+, images \d+\.$/m);
    assert.deepEqual((await thingsIn(bench.under.socket)).images, []);
    const nowhere = 'docker:unix:///nonexistent/docker.sock';
    const gone = await provision(['clean', '--engine', nowhere], {
      cwd: bench.folder,
      store: join(bench.folder, 'store'),
    });
    assert.equal(gone.status, 5, gone.stderr);
  });
}
