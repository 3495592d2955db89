// A machine like one with macOS, as far as it can be had on Linux: no program of Linux's own on PATH, an engine that is reached over
// TCP alone, and a store on a file system that takes names which differ by case alone for one.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { engineMissing, startEngine } from '../support/dockerd.ts';
import { CASELESS, NO_FAULT_FS, underFault } from '../support/fault-fs/fault.ts';

const CRATE = join(REPOSITORY, 'test', 'crates', 'tiny');
/** What macOS has, and xz of Homebrew. */
const PROGRAMS = ['sh', 'env', 'cat', 'sync', 'perl', 'xz'];

const skip =
  process.env.PROVISION_TEST_ALL === '1'
    ? (engineMissing('dockerd') ?? NO_FAULT_FS)
    : 'PROVISION_TEST_ALL=1 does a whole run on a slow file system';

/** Port of the loopback behind which the engine's socket is. */
async function overTcp(t: TestContext, socket: string): Promise<number> {
  const server = createServer((incoming) => {
    const engine = connect(socket);
    incoming.pipe(engine).pipe(incoming);
    for (const end of [incoming, engine])
      end.on('error', () => [incoming, engine].map((one) => one.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

function pathOf(folder: string, programs: readonly string[]): string {
  mkdirSync(folder);
  for (const program of programs)
    symlinkSync(
      execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim(),
      join(folder, program),
    );
  return folder;
}

function reportOf(artifacts: string): Report {
  return JSON.parse(readFileSync(join(artifacts, 'report.json'), 'utf8')) as Report;
}

test('the whole run comes to the same bundle and results', { skip }, async (t) => {
  const own = temporaryFolder(t, 'provision host ü ');
  const [here, there] = [join(own, 'here'), join(own, 'there')];
  const args = ['run', '--project', CRATE, '--no-host', '--artifacts'];
  const plain = await provision([...args, here], { cwd: own, store: SHARED_STORE, timeoutMs: 20 * 60_000 });
  assert.equal(plain.status, 0, plain.stdout + plain.stderr);

  const engine = await startEngine('dockerd', { unfiltered: true });
  t.after(() => engine.remove());
  const port = await overTcp(t, engine.socket);
  const [backing, mountedAt] = [join(own, 'backing'), join(own, 'Mounted')];
  mkdirSync(mountedAt);
  mkdirSync(join(backing, 'store'), { recursive: true });
  // Package files are fetched by digest wherever they are from.
  assert.equal(
    spawnSync('cp', ['-a', join(SHARED_STORE, 'blobs'), join(backing, 'store', 'blobs')]).status,
    0,
  );
  const argv = [
    ...args,
    there,
    '--store',
    join(mountedAt, 'store'),
    '--engine',
    `docker:tcp://127.0.0.1:${port}`,
  ];
  const words = argv.map((word) => `'${word}'`).join(' ');
  const line = `PATH='${pathOf(join(own, 'programs'), PROGRAMS)}' "$NODE" '${join(REPOSITORY, 'src', 'bin.ts')}' ${words}`;
  const run = await underFault({ line, backing, mountedAt, log: join(own, 'log.json') }, CASELESS);
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const [mine, theirs] = [reportOf(there), reportOf(here)];
  assert.equal(mine.engine?.name, 'docker');
  assert.equal(mine.bundle?.digest, theirs.bundle?.digest);
  assert.deepEqual(
    mine.samples.map(({ name, status }) => [name, status]),
    theirs.samples.map(({ name, status }) => [name, status]),
  );
  // The test can fail: headers of Linux that differ by case alone are in the tree, one of them marked.
  const headers = spawnSync('find', [join(backing, 'store', 'trees'), '-name', 'xt_*ark.h*'], {
    encoding: 'utf8',
  });
  assert.match(headers.stdout, /xt_MARK\.h|xt_mark\.h/);
  assert.match(headers.stdout, /\u{f8e0}/u);
});
