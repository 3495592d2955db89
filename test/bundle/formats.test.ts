import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { packTar } from '../../src/archive/pack.ts';
import { writeDeb } from '../../src/bundle/formats/deb.ts';
import { FORMATS, type FormatInput, readFormats } from '../../src/bundle/formats/format.ts';
import { writeOci } from '../../src/bundle/formats/oci.ts';
import { readContents } from '../../src/bundle/inspect.ts';
import type { Resolved } from '../../src/domain/definitions.ts';
import type { LockedPackage } from '../../src/domain/packages.ts';
import { ok } from '../../src/domain/result.ts';
import type { Target } from '../../src/domain/target.ts';
import { provision, temporaryFolder } from '../support/cli.ts';
import { makeElf } from '../support/elf.ts';

const TARGET = {
  rustTriple: 'aarch64-unknown-linux-gnu',
  debianArch: 'arm64',
  ociPlatform: 'linux/arm64',
  libc: 'gnu',
  pointerWidth: 64,
  runtime: 'qemu-user',
  elf: { machine: 'AArch64', number: 183 },
} as Target;

async function input(folder: string, over: Partial<FormatInput> = {}): Promise<FormatInput> {
  const program = makeElf({
    machine: 183,
    interpreter: '/lib/ld-linux-aarch64.so.1',
    needed: ['libm.so.6', 'libgcc_s.so.1', 'libodd2.so.7', 'libc.so.6'],
    versions: { 'libc.so.6': ['GLIBC_2.34'] },
  });
  const files: Readonly<Record<string, string | Buffer>> = {
    'bundle/bin/my_tool': program,
    'bundle/lib/python3.13/os.py': 'x = 1\n',
    'bundle/bundle.json': JSON.stringify({
      program: {
        file: 'bin/my_tool',
        digest: `sha256:${createHash('sha256').update(program).digest('hex')}`,
      },
      target: TARGET.rustTriple,
      python: { implementation: 'CPython', version: '3.13.5', linkage: 'dynamic' },
      stdlib: 'lib/python3.13',
    }),
    'root/etc/passwd': 'root:x:0:0::/:\n',
    'root/tmp/.keep': '',
    'root/job/.keep': '',
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content, { mode: name.includes('/bin/') ? 0o755 : 0o644 });
    utimesSync(join(folder, name), Math.random() * 1e9, Math.random() * 1e9);
  }
  symlinkSync('usr/lib', join(folder, 'root/lib'));
  const contents = await readContents(join(folder, 'bundle'));
  assert.ok(contents.ok);
  return {
    bundle: join(folder, 'bundle'),
    contents: contents.value,
    target: TARGET,
    rootfs: join(folder, 'root'),
    packages: ['libc6', 'libc-bin', 'libgcc-s1', 'libodd2-7', 'tzdata'].map((name) => ({
      name,
    })) as LockedPackage[],
    name: 'my_tool',
    version: '1.2.0-rc.1',
    description: 'Does one thing.',
    sourceDateEpoch: 1_700_000_000,
    ...over,
  };
}

/** Writes the format twice, from files with different times, and expects equal bytes. */
async function twice(
  t: { after(done: () => void): void },
  write: typeof writeOci,
): Promise<{ readonly path: string; readonly folder: string }> {
  const written: string[] = [];
  let last = '';
  for (let round = 0; round < 2; round += 1) {
    const folder = temporaryFolder(t, 'provision format ü ');
    const out = join(folder, 'out');
    mkdirSync(out);
    const made = await write(await input(folder), out);
    assert.ok(made.ok, JSON.stringify(made));
    assert.deepEqual(readdirSync(out), [made.value.file]);
    last = join(out, made.value.file);
    const bytes = readFileSync(last);
    assert.equal(made.value.size, bytes.length);
    const digest = createHash('sha256').update(bytes).digest('hex');
    assert.equal(made.value.digest, `sha256:${digest}`);
    written.push(digest);
  }
  assert.equal(written[0], written[1]);
  return { path: last, folder: dirname(last) };
}

test('an image is both an OCI layout and a Docker archive, and reproducible', async (t) => {
  const { path, folder } = await twice(t, writeOci);
  const out = join(folder, 'unpacked');
  mkdirSync(out);
  assert.equal(spawnSync('tar', ['-xf', path, '-C', out]).status, 0);
  const json = (name: string) => JSON.parse(readFileSync(join(out, name), 'utf8'));
  const blob = (digest: string): Buffer => {
    const bytes = readFileSync(join(out, 'blobs/sha256', digest.slice(7)));
    assert.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, digest);
    return bytes;
  };
  assert.equal(json('oci-layout').imageLayoutVersion, '1.0.0');
  const [described] = json('index.json').manifests;
  assert.deepEqual(described.platform, { architecture: 'arm64', os: 'linux' });
  const manifest = JSON.parse(blob(described.digest).toString());
  const config = JSON.parse(blob(manifest.config.digest).toString());
  assert.equal(manifest.config.size, blob(manifest.config.digest).length);
  assert.deepEqual(config.config.Entrypoint, ['/opt/my_tool/bin/my_tool']);
  assert.equal(config.architecture, 'arm64');
  const layers = manifest.layers.map(({ digest }: { digest: string }) => gunzipSync(blob(digest)));
  assert.deepEqual(
    config.rootfs.diff_ids,
    layers.map((layer: Buffer) => `sha256:${createHash('sha256').update(layer).digest('hex')}`),
  );
  const [base, own] = layers.map(
    (layer: Buffer) => spawnSync('tar', ['-tvf', '-'], { input: layer, encoding: 'utf8' }).stdout,
  ) as [string, string];
  assert.match(base, /^drwxrwxrwt 0\/0 .* tmp\/$/m);
  assert.doesNotMatch(base, /job/, 'a mount point of the sandbox');
  assert.match(own, /^-rwxr-xr-x 0\/0 .* opt\/my_tool\/bin\/my_tool$/m);
  const [docker] = json('manifest.json');
  assert.deepEqual(docker.RepoTags, ['my-tool:1.2.0-rc.1']);
  assert.equal(docker.Config, `blobs/sha256/${manifest.config.digest.slice(7)}`);
});

test('a Debian package declares its dependencies, is read by dpkg, and is reproducible', async (t) => {
  const { path } = await twice(t, writeDeb);
  assert.match(path, /my-tool_1\.2\.0~rc\.1_arm64\.deb$/);
  const field = (name: string) =>
    spawnSync('dpkg-deb', ['-f', path, name], { encoding: 'utf8' }).stdout.trim();
  assert.equal(field('Package'), 'my-tool');
  assert.equal(field('Version'), '1.2.0~rc.1');
  assert.equal(field('Architecture'), 'arm64');
  assert.equal(field('Depends'), 'libc6 (>= 2.34), libgcc-s1, libodd2-7');
  assert.match(field('Description'), /^Does one thing\n CPython 3\.13\.5/);
  const listed = spawnSync('dpkg-deb', ['-c', path], { encoding: 'utf8' });
  assert.equal(listed.status, 0, listed.stderr);
  assert.match(listed.stdout, /^lrwxrwxrwx .* \.\/usr\/bin\/my_tool -> \.\.\/lib\/my-tool\/bin\/my_tool$/m);
  assert.match(listed.stdout, /^-rwxr-xr-x .* \.\/usr\/lib\/my-tool\/bin\/my_tool$/m);
});

test('the package of a program without system libraries has no dependencies', async (t) => {
  const folder = temporaryFolder(t);
  const given = await input(folder);
  const { glibc: _, ...contents } = given.contents;
  const made = await writeDeb({ ...given, contents: { ...contents, system: {} } }, folder);
  assert.ok(made.ok);
  const depends = spawnSync('dpkg-deb', ['-f', join(folder, made.value.file), 'Depends'], {
    encoding: 'utf8',
  });
  assert.equal(depends.stdout.trim(), '');
});

test('inspect says the same of a bundle in every format that it is shipped in', async (t) => {
  const folder = temporaryFolder(t, 'provision format ü ');
  const all = await input(folder);
  const inspected = async (path: string) => {
    const run = await provision(['inspect', path, '--json'], { cwd: folder });
    assert.equal(run.status, 0, `${path}: ${run.stderr}`);
    const { archive, ...rest } = JSON.parse(run.stdout) as { readonly archive?: { readonly format: string } };
    return { format: archive?.format, rest };
  };
  const unpacked = await inspected('bundle');
  const writers = { 'tar.gz': writeTarGz, oci: writeOci, deb: writeDeb };
  for (const [format, write] of Object.entries(writers)) {
    mkdirSync(join(folder, format));
    const made = await write(all, join(folder, format));
    assert.ok(made.ok, JSON.stringify(made));
    assert.deepEqual(await inspected(join(format, made.value.file)), { format, rest: unpacked.rest });
  }
  // One file is a program: it is inspected in `onefile.test.ts`.
  assert.deepEqual([...Object.keys(writers), 'onefile'].sort(), [...FORMATS, 'tar.gz'].sort());
  // A package that somebody has unpacked.
  cpSync(join(folder, 'bundle'), join(folder, 'data', 'usr', 'lib', 'my-tool'), { recursive: true });
  assert.deepEqual(await inspected('data'), unpacked);
});

async function writeTarGz({ bundle }: FormatInput, folder: string) {
  const file = 'my_tool.tar.gz';
  const parts = [{ root: bundle, at: 'my_tool' }];
  const packed = await packTar({ parts, archive: join(folder, file), mtime: 1, compress: 'gzip' });
  return packed.ok ? ok({ file }) : packed;
}

test('unknown formats, and formats that the target does not have, are rejected', () => {
  const wasm = { rustTriple: 'wasm32-wasip1', libc: 'wasi', runtime: 'wasmtime' } as Target;
  const sysroot = { python: { implementation: 'CPython' } } as Resolved['sysroot'];
  const read = (words: readonly string[], target = TARGET) => {
    const formats = readFormats(words, { target, sysroot });
    return formats.ok ? formats.value : formats.error.code;
  };
  assert.deepEqual(read(['tar.gz', 'oci,deb', 'deb']), ['oci', 'deb']);
  assert.equal(read(['rpm']), 'usage/format');
  assert.equal(read(['deb'], wasm), 'usage/format');
  assert.deepEqual(read(['tar.gz'], wasm), []);
  assert.equal(read(['onefile'], wasm), 'usage/format');
  assert.deepEqual(read(['onefile']), ['onefile']);
});
