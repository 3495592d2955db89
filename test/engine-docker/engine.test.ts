// What is true of container engines beside the port's promises (`contract.test.ts`): Docker's daemon and Podman's service.
import assert from 'node:assert/strict';
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Mount } from '../../src/engine/engine.ts';
import {
  type DockerBench,
  makeDockerBench,
  probe,
  removeDockerBench,
  storedTree,
} from '../support/docker-bench.ts';
import { ask, thingsIn } from '../support/docker-things.ts';
import { engineMissing, type Product, startEngine } from '../support/dockerd.ts';
import { ENV, openBox, run, shell, value } from '../support/sandboxes.ts';

for (const product of ['dockerd', 'podman'] satisfies Product[]) {
  const missing = engineMissing(product);
  describe(product, { skip: missing === undefined ? false : missing }, () => suite(product));
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

  const folderWith = (name: string, files: Readonly<Record<string, string>>): string => {
    const folder = bench.make(name);
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(join(folder, file, '..'), { recursive: true });
      writeFileSync(join(folder, file), content);
    }
    return folder;
  };

  test('a command leaves nothing that runs, also where a limit or the end of its program ended others', async (t) => {
    const box = await openBox(t, bench);
    const began = performance.now();
    assert.equal((await shell(box, 'sleep 600 & sleep 600', { timeoutMs: 700 })).limit, 'time');
    assert.ok(performance.now() - began < 15_000);
    assert.equal((await shell(box, 'yes', { maxOutput: 10 })).limit, 'output');
    assert.equal((await shell(box, '(sleep 600 &) ; echo done')).stdout, 'done\n');
    assert.deepEqual(await ask(bench.under.socket, 'GET', '/containers/json'), []);
    // The first is kept as long as files may be copied out.
    assert.equal((await thingsIn(bench.under.socket)).containers.length, 1);
  });

  test('a sandbox that the next run opens again has its image kept, one of each name', async () => {
    const file = join(folderWith('again', { file: 'one\n' }), 'file');
    const imagesAfter = async (again?: string): Promise<readonly string[]> => {
      const { engine } = value(await probe(bench.under, bench.folder, bench.store));
      const mounts: Mount[] = [{ kind: 'source', source: file, at: '/job/file' }];
      const spec = { rootfs: bench.rootfs, mounts, network: 'none' } as const;
      {
        await using box = value(await engine.open({ ...spec, ...(again === undefined ? {} : { again }) }));
        assert.equal((await shell(box, 'cat /job/file')).stdout, readFileSync(file, 'utf8'));
      }
      await engine.close?.();
      return (await thingsIn(bench.under.socket)).images;
    };
    const plain = await imagesAfter();
    const first = await imagesAfter('project');
    assert.equal(first.length, plain.length + 1);
    assert.deepEqual(await imagesAfter('project'), first);
    const others = await imagesAfter('another project');
    assert.equal(others.length, first.length + 1);
    writeFileSync(file, 'two\n');
    const changed = await imagesAfter('project');
    assert.equal(changed.length, others.length);
    assert.equal(changed.filter((id) => !others.includes(id)).length, 1);
    assert.equal(others.filter((id) => !changed.includes(id)).length, 1);
  });

  test('a folder that the next run mounts again keeps its volume, one for each folder, made anew when it changes', async () => {
    const source = folderWith('again-folder', { 'bin/tool': 'one\n', 'doc/page': 'long\n' });
    const mounts: Mount[] = [
      { kind: 'source', source, at: '/job/rust', without: (_, name) => name === 'doc', again: true },
    ];
    const seen = async (): Promise<readonly [string, readonly string[]]> => {
      const { engine } = value(await probe(bench.under, bench.folder, bench.store));
      const box = value(await engine.open({ rootfs: bench.rootfs, mounts, network: 'none' }));
      const { stdout } = await run(box, ['sh', '-c', 'cat /job/rust/bin/tool; ls /job/rust']);
      await box[Symbol.asyncDispose]();
      await engine.close?.();
      return [stdout, await labelled()];
    };
    const labelled = async (): Promise<readonly string[]> => {
      const filters = encodeURIComponent(JSON.stringify({ label: ['provision.again'] }));
      const { Volumes } = (await ask(bench.under.socket, 'GET', `/volumes?filters=${filters}`)) as {
        readonly Volumes: readonly { readonly Name: string }[] | null;
      };
      return (Volumes ?? []).map(({ Name }) => Name);
    };
    const [first, kept] = await seen();
    assert.equal(first, 'one\nbin\n');
    assert.equal(kept.length, 1);
    assert.deepEqual(await seen(), [first, kept], 'it is not sent again');
    writeFileSync(join(source, 'bin/tool'), 'two\n');
    const [second, changed] = await seen();
    assert.equal(second, 'two\nbin\n');
    assert.equal(changed.length, 1, 'the one before is gone');
    assert.notDeepEqual(changed, kept);
    // The same size, with the time that it had.
    const { atime, mtime } = statSync(join(source, 'bin/tool'));
    writeFileSync(join(source, 'bin/tool'), 'six\n');
    utimesSync(join(source, 'bin/tool'), atime, mtime);
    assert.equal((await seen())[0], 'six\nbin\n');
  });

  test('a volume that many make at once is made once, whoever comes first', async () => {
    for (const name of ['first', 'second', 'third']) {
      const mounts: Mount[] = [{ kind: 'volume', name: `at once ${name}`, at: '/job/target' }];
      const before = (await thingsIn(bench.under.socket)).volumes.length;
      const opened = await Promise.all(
        Array.from({ length: 12 }, () =>
          bench.engine.open({ rootfs: bench.rootfs, mounts, network: 'none' }),
        ),
      );
      for (const one of opened) await value(one)[Symbol.asyncDispose]();
      assert.equal((await thingsIn(bench.under.socket)).volumes.length, before + 1);
    }
  });

  test('a sandbox that cannot be opened leaves no folder that was made for it', async () => {
    const before = await thingsIn(bench.under.socket);
    const at = join(bench.store.folder, 'volumes');
    const mounts: Mount[] = [
      { kind: 'scratch', at: '/job/out' },
      { kind: 'volume', name: 'nowhere', at: '/job/target' },
    ];
    renameSync(at, `${at}.aside`);
    writeFileSync(at, 'no folder\n');
    const opened = await bench.engine.open({ rootfs: bench.rootfs, mounts, network: 'none' });
    rmSync(at);
    renameSync(`${at}.aside`, at);
    assert.equal(opened.ok, false);
    assert.deepEqual((await thingsIn(bench.under.socket)).volumes, before.volumes);
  });

  test('folders of a source that need not be there are left out', async (t) => {
    const source = folderWith('partial', { file: 'here\n', 'target/output': 'large' });
    const mounts: Mount[] = [
      { kind: 'source', source, at: '/job/project', without: (_, name) => name === 'target' },
    ];
    const { stdout } = await shell(await openBox(t, bench, { mounts }), 'cat file; ls', {
      cwd: '/job/project',
    });
    assert.equal(stdout, 'here\nfile\n');
  });

  test('a single file cannot be mounted in a fresh folder', async () => {
    const source = join(folderWith('plain', { file: 'x' }), 'file');
    const mounts: Mount[] = [{ kind: 'source', source, at: '/tmp/one' }];
    const opened = await bench.engine.open({ rootfs: bench.rootfs, mounts, network: 'none' });
    assert.equal(opened.ok ? '' : opened.error.code, 'engine/no-mount-point');
  });

  test('a program has no capability', async (t) => {
    const box = await openBox(t, bench);
    const { stdout } = await run(box, ['cat', '/proc/self/status']);
    assert.match(stdout, /^CapEff:\s+0+$/m);
    assert.match(stdout, /^CapBnd:\s+0+$/m);
  });

  test('memory beyond the limit is reported as such', async (t) => {
    const box = await openBox(t, bench, { limits: { memory: 64 * 1024 ** 2, processors: 1 } });
    const exit = await box.run({
      argv: ['sh', '-c', 'x=x; while :; do x=$x$x; done'],
      env: ENV,
      cwd: '/',
      timeoutMs: 60_000,
    });
    // Engines do not always tell what it was; that it was killed under a limit is known in any case.
    assert.equal(exit.ok ? exit.value.signal : exit.error.code, 'engine/docker-out-of-memory');
    if (!exit.ok) assert.match(exit.error.why ?? '', /^Its limit is 64 MiB\./);
  });

  test('what has been sent is not sent again, by this run or a later one', async () => {
    const tree = await storedTree(bench.store, 'sysroot', async (root) => symlinkSync('x', join(root, 'y')));
    const spec = {
      rootfs: bench.rootfs,
      mounts: [{ kind: 'tree', source: tree, at: '/sysroot' }],
      network: 'none',
    } as const;
    const first = value(await bench.engine.open(spec));
    assert.equal((await run(first, ['true'])).status, 0);
    await first[Symbol.asyncDispose]();
    const before = await thingsIn(bench.under.socket);
    assert.notDeepEqual(before.volumes, []);
    const { engine } = value(await probe(bench.under, bench.folder, bench.store));
    const box = value(await engine.open(spec));
    assert.equal((await run(box, ['true'])).status, 0);
    await box[Symbol.asyncDispose]();
    await engine.close?.();
    const later = await thingsIn(bench.under.socket);
    assert.deepEqual(
      later.volumes.filter((name) => name.includes('tree')),
      before.volumes.filter((name) => name.includes('tree')),
    );
  });
}
