import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type TestContext as NodeTest, test } from 'node:test';
import { lockMistakes } from '../../src/lock/check.ts';
import { definitionChecksum, packageSets } from '../../src/lock/checksum.ts';
import { resolveLock } from '../../src/lock/resolve.ts';
import { type ArchiveContext, archiveContext } from '../support/archive-context.ts';
import { type ArchiveSource, debianArchive } from '../support/debian-archive.ts';
import { digestOf } from '../support/locked.ts';
import { generateSigningKey } from '../support/openpgp.ts';
import { sourceSysroot } from '../support/source-sysroot.ts';

const skip = existsSync('/usr/bin/apt-get') ? false : 'apt is not on this machine';
const KEY = generateSigningKey();

function source(name: string, version: string): ArchiveSource {
  const upstream = version.replace(/-[^-]*$/, '');
  const content = (file: string): [string, Buffer] => [file, Buffer.from(`${file} of ${version}`)];
  return {
    name,
    version,
    files: Object.fromEntries([
      content(`${name}_${version}.dsc`),
      content(`${name}_${upstream}.orig.tar.xz`),
      content(`${name}_${upstream}.orig.tar.xz.asc`),
      content(`${name}_${upstream}.orig-extra.tar.xz`),
      content(`${name}_${version}.debian.tar.xz`),
    ]),
  };
}

function setUp(t: NodeTest): Promise<ArchiveContext> {
  const sources = [
    source('python3.13', '3.13.4-1'),
    source('python3.13', '3.13.5-2+deb13u5'),
    source('zlib', '1.3.1-1'),
  ];
  return archiveContext(t, debianArchive([{ name: 'libfar-dev' }], ['far'], KEY, 'trixie', sources), KEY);
}

function definition(packages: readonly string[]) {
  return sourceSysroot({}, { sources: { architecture: 'source', packages } });
}

test('of a source package the upstream archive and the distribution’s are locked, in the newest version', {
  skip,
}, async (t) => {
  const { context, machine } = await setUp(t);
  const locked = await resolveLock(context, definition(['zlib', 'python3.13']), machine);
  assert.ok(locked.ok, JSON.stringify(locked));
  const { sources = [] } = locked.value.sets;
  assert.deepEqual(
    sources.map(({ path }) => path),
    [
      'pool/main/p/python3.13/python3.13_3.13.5.orig.tar.xz',
      'pool/main/p/python3.13/python3.13_3.13.5-2+deb13u5.debian.tar.xz',
      'pool/main/z/zlib/zlib_1.3.1.orig.tar.xz',
      'pool/main/z/zlib/zlib_1.3.1-1.debian.tar.xz',
    ],
  );
  const content = Buffer.from('python3.13_3.13.5.orig.tar.xz of 3.13.5-2+deb13u5');
  assert.equal(sources[0]?.digest, digestOf(content));
  assert.equal(sources[0]?.size, content.length);
  assert.deepEqual(lockMistakes(locked.value, packageSets(definition(['zlib', 'python3.13']))), []);
});

test('of a source package whose distribution files are not wanted, upstream’s archive is locked alone', {
  skip,
}, async (t) => {
  const { context, machine } = await setUp(t);
  const packages = ['zlib', 'python3.13'];
  const wanted = sourceSysroot({}, { sources: { architecture: 'source', packages, upstreamOnly: ['zlib'] } });
  const locked = await resolveLock(context, wanted, machine);
  assert.ok(locked.ok, JSON.stringify(locked));
  assert.deepEqual(
    locked.value.sets.sources?.map(({ path }) => path.replace(/.*\//, '')),
    ['python3.13_3.13.5.orig.tar.xz', 'python3.13_3.13.5-2+deb13u5.debian.tar.xz', 'zlib_1.3.1.orig.tar.xz'],
  );
  assert.equal(locked.value.sets.sources?.at(-1)?.version, '1.3.1-1');
  assert.notEqual(locked.value.definition, definitionChecksum(definition(packages)));
});

test('a source package is taken from another suite where the set says so', { skip }, async (t) => {
  const older = source('python3.11', '3.11.2-6+deb12u8');
  const newer = [source('python3.11', '3.11.9-1'), source('zlib', '1.3.1-1')];
  const archive = new Map([
    ...debianArchive([{ name: 'libfar-dev' }], ['far'], KEY, 'bookworm', [older, source('zlib', '1.2.13-1')]),
    ...debianArchive([], ['far'], KEY, 'trixie', newer),
  ]);
  const { context, machine } = await archiveContext(t, archive, KEY);
  const packages = ['zlib', 'python3.11'];
  const of = (elsewhere: Readonly<Record<string, string>>) =>
    sourceSysroot(
      {},
      { suite: 'bookworm', sources: { architecture: 'source', packages, suite: 'trixie', elsewhere } },
    );
  const wanted = of({ 'python3.11': 'bookworm' });
  const locked = await resolveLock(context, wanted, machine);
  assert.ok(locked.ok, JSON.stringify(locked));
  assert.deepEqual(
    locked.value.sets.sources?.map(({ path }) => path.replace(/.*\//, '')),
    [
      'python3.11_3.11.2.orig.tar.xz',
      'python3.11_3.11.2-6+deb12u8.debian.tar.xz',
      'zlib_1.3.1.orig.tar.xz',
      'zlib_1.3.1-1.debian.tar.xz',
    ],
  );
  assert.deepEqual(
    locked.value.lists?.map(({ suite, architecture }) => `${suite} ${architecture}`),
    ['bookworm far', 'bookworm source', 'trixie source'],
  );
  assert.deepEqual(lockMistakes(locked.value, packageSets(wanted)), []);
  assert.notEqual(definitionChecksum(wanted), definitionChecksum(of({})));
});

test('a source package that the suite does not have is named', { skip }, async (t) => {
  const { context, machine } = await setUp(t);
  const locked = await resolveLock(context, definition(['python3.99']), machine);
  assert.ok(!locked.ok);
  assert.equal(locked.error.code, 'lock/unknown-source');
  assert.match(locked.error.what, /python3\.99/);
});

test('a lock in which a source file is no archive, or is listed twice, is rejected', () => {
  const entry = {
    name: 'zlib',
    version: '1.3.1-1',
    architecture: 'source',
    path: 'pool/main/z/zlib/zlib_1.3.1.orig.tar.xz',
    digest: `sha256:${'0'.repeat(64)}`,
    size: 1,
  };
  const binary = { ...entry, architecture: 'all', path: 'pool/main/z/zlib/zlib_1.3.1-1_all.deb' };
  const mistakes = (sources: readonly unknown[]): readonly string[] => {
    const lock = {
      schema: 1,
      definition: entry.digest,
      suite: 'trixie',
      resolved: '2026-01-31T12:00:00Z',
      sets: { sources, sysroot: [binary], rootfs: [binary] },
    };
    return lockMistakes(lock, packageSets(definition(['zlib']))).map(({ path }) => path);
  };
  assert.deepEqual(mistakes([entry]), []);
  assert.deepEqual(mistakes([entry, entry]), ['sets.sources[1].path']);
  assert.deepEqual(mistakes([{ ...entry, path: 'pool/main/z/zlib.deb' }]), ['sets.sources[0].path']);
  assert.deepEqual(mistakes([{ ...entry, path: '../zlib.orig.tar.xz' }]), ['sets.sources[0].path']);
});
