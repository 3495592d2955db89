// Packaged bundles: loaded by real container engines, installed by real dpkg, and started from there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, createReadStream, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { before, test } from 'node:test';
import Docker from 'dockerode';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { engineMissing, startEngine } from '../support/dockerd.ts';

const SAMPLE = join(REPOSITORY, 'runner', 'samples', 'any', 'numeric_tower.py');

let folder = '';

before(async () => {
  folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision formats ü ');
  for (const recipe of ['musl', 'aarch64']) {
    const formats = ['--format', 'oci', '--format', 'deb'];
    const run = await provision([recipe, ...formats, '--samples', SAMPLE], {
      cwd: folder,
      store: SHARED_STORE,
      timeoutMs: 40 * 60_000,
    });
    assert.equal(run.status, 0, run.stdout + run.stderr);
  }
  // The program in the container runs as nobody.
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, 'hello.py'), 'import sys, json\nprint(json.dumps(["hello", *sys.argv[1:]]))\n');
});

function shipped(recipe: string, ending: string): string {
  const artifacts = join(folder, 'artifacts', recipe);
  const name = readdirSync(artifacts).find((one) => one.endsWith(ending));
  assert.ok(name, `no ${ending} in ${artifacts}`);
  return join(artifacts, name);
}

test('the report lists the packages', () => {
  const report = JSON.parse(readFileSync(join(folder, 'artifacts', 'aarch64', 'report.json'), 'utf8'));
  assert.deepEqual(
    report.packages.map(({ format }: { format: string }) => format),
    ['oci', 'deb'],
  );
});

test('Docker loads and runs the image', { skip: engineMissing('dockerd') }, async () => {
  const engine = await startEngine('dockerd');
  try {
    const docker = new Docker({ socketPath: engine.socket });
    const loading = await docker.loadImage(createReadStream(shipped('musl', '.oci.tar')));
    assert.match(await text(loading as Readable), /Loaded image: isolate:0\.1\.0/);
    const container = await docker.createContainer({
      Image: 'isolate:0.1.0',
      Cmd: ['/scripts/hello.py', 'you'],
      User: '65534:65534',
      HostConfig: { NetworkMode: 'none', ReadonlyRootfs: true, Binds: [`${folder}:/scripts:ro`] },
    });
    await container.start();
    assert.equal((await container.wait()).StatusCode, 0);
    const output = await container.logs({ stdout: true, stderr: true });
    // After the eight bytes of stream and length.
    assert.equal(output.toString('utf8', 8), '["hello", "you"]\n');
  } finally {
    await engine.remove();
  }
});

test('Podman loads an image of another architecture', { skip: engineMissing('podman') }, (t) => {
  const place = temporaryFolder(t);
  const podman = (...args: string[]) =>
    spawnSync(
      'podman',
      ['--root', join(place, 'r'), '--runroot', join(place, 'x'), '--storage-driver', 'vfs', ...args],
      { encoding: 'utf8' },
    );
  const loaded = podman('load', '--input', shipped('aarch64', '.oci.tar'));
  assert.equal(loaded.status, 0, loaded.stderr);
  const inspected = podman('image', 'inspect', 'isolate:0.1.0');
  assert.equal(inspected.status, 0, inspected.stderr);
  const [image] = JSON.parse(inspected.stdout);
  assert.equal(image.Architecture, 'arm64');
  assert.deepEqual(image.Config.Entrypoint, ['/opt/isolate/bin/isolate']);
});

test('dpkg installs the package, and the installed program runs', (t) => {
  const root = temporaryFolder(t);
  for (const part of ['info', 'updates', 'triggers']) {
    mkdirSync(join(root, 'var/lib/dpkg', part), { recursive: true });
  }
  writeFileSync(join(root, 'var/lib/dpkg/status'), '');
  const file = shipped('musl', '.deb');
  const installed = spawnSync('dpkg', [`--root=${root}`, '--force-not-root', '--install', file], {
    encoding: 'utf8',
    // The PATH on which dpkg expects the programs for maintainer scripts.
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  assert.equal(installed.status, 0, installed.stderr);
  const status = spawnSync(
    'dpkg-query',
    [`--root=${root}`, '-W', '-f', '$' + '{db:Status-Status}', 'isolate'],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(status.stdout, 'installed');
  mkdirSync(join(root, 'scripts'));
  writeFileSync(join(root, 'scripts/hello.py'), readFileSync(join(folder, 'hello.py')));
  const run = spawnSync(
    'unshare',
    ['--map-root-user', '--user', `--root=${root}`, '/usr/bin/isolate', '/scripts/hello.py', 'you'],
    { encoding: 'utf8' },
  );
  assert.equal(run.stderr, '');
  assert.equal(run.stdout, '["hello", "you"]\n');
});

test('the package depends on the measured minimum version of the C library', () => {
  const field = (recipe: string, name: string) =>
    spawnSync('dpkg-deb', ['-f', shipped(recipe, '.deb'), name], { encoding: 'utf8' }).stdout.trim();
  assert.equal(field('aarch64', 'Architecture'), 'arm64');
  assert.match(field('aarch64', 'Depends'), /^libc6 \(>= 2\.30\)$/);
  assert.equal(field('musl', 'Depends'), '');
});

test('a package format for a WebAssembly target is rejected before anything is built', async () => {
  const run = await provision(['wasm32-wasip1', '--format', 'deb'], { cwd: folder, store: SHARED_STORE });
  assert.equal(run.status, 2);
  assert.match(run.stderr, /usage\/format/);
});
