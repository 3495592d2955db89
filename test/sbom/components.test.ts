// What of packages and sources is really in a program, and what is said of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceSysroot } from '../../src/domain/definitions.ts';
import type { LinkedCrates } from '../../src/domain/linked-crates.ts';
import type { LockedPackage } from '../../src/domain/packages.ts';
import { crateComponents } from '../../src/sbom/crates.ts';
import { sourceComponents } from '../../src/sbom/from-source.ts';
import { packageComponents } from '../../src/sbom/packages.ts';

function locked(name: string, version = '1-1', source = name, architecture = 'amd64'): LockedPackage {
  const path = `pool/main/${source[0]}/${source}/${name}_${version}_${architecture}.deb`;
  const digest =
    `sha256:${Buffer.from(`${name} ${version}`).toString('hex').padEnd(64, '0').slice(0, 64)}` as const;
  return { name, version, architecture, path, digest, size: 1 };
}

const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  libz1: ['usr/lib/x/libz.so.1'],
  'libz-dev': ['usr/lib/x/libz.a', 'usr/lib/x/libz.so'],
  'libonly-dev': ['usr/lib/x/libonly.a'],
  'gcc-dev': ['usr/lib/gcc/x/14/crtbegin.o', 'usr/lib/gcc/x/14/libgcc.a'],
  libc6: ['lib/x/libc.so.6'],
  'libc6-dev': ['usr/lib/x/crt1.o', 'usr/lib/x/libc.a', 'usr/lib/x/libc.so'],
  std: ['usr/lib/rustlib/x/lib/libstd-1234.rlib'],
  headers: [],
};

function listed(allStatic: boolean): readonly string[] {
  const packages = Object.keys(PACKAGES).map((name) =>
    locked(name, '1-1', name.startsWith('libc6') ? 'libc' : name),
  );
  const contents = Object.fromEntries(
    packages.map(({ digest, name }) => [digest, { binaries: PACKAGES[name] ?? [] }]),
  );
  return packageComponents({
    ...{ packages, contents, allStatic, suite: () => 'trixie' },
    bundled: ['lib/x/libz.so.1'],
    ofSystem: allStatic ? [] : ['libc.so.6'],
    copyright: (name) => (name === 'libz1' ? 'Files: *\nLicense: Zlib\n' : undefined),
  }).map(({ name, place, licence }) => [name, place, licence].filter(Boolean).join(' '));
}

test('of packages: files of the bundle, objects and archives that are linked, and nothing of the C library that a system has', () => {
  assert.deepEqual(listed(false), [
    'libz1 beside Zlib',
    'libonly-dev inside',
    'gcc-dev inside',
    'std inside',
  ]);
});

test('where all is static, every archive may be linked', () => {
  assert.deepEqual(listed(true), [
    'libz1 beside Zlib',
    'libz-dev inside',
    'libonly-dev inside',
    'gcc-dev inside',
    'libc6-dev inside',
    'std inside',
  ]);
});

const SOURCES = [
  locked('python3.13', '3.13.5', 'python3.13', 'source'),
  locked('python3.13', '3.13.5-2+deb13u5', 'python3.13', 'source'),
  locked('zlib', '1.3', 'zlib', 'source'),
  locked('zlib', '1.3-1', 'zlib', 'source'),
];

const DEFINITION = {
  python: { implementation: 'CPython' },
  source: {
    libraries: [
      {
        name: 'zlib',
        description: 'z',
        source: 'zlib',
        license: 'Zlib',
        patches: ['CVE-2026-1.patch', 'a.patch'],
      },
    ],
    cpython: {
      source: 'python3.13',
      patches: ['CVE-2026-6019.patch', 'CVE-2026-6019-2.patch', 'gchead.diff'],
      ownPatches: [{ name: 'startup.patch', text: '' }],
    },
  },
} as unknown as SourceSysroot;

test('of sources: the version of the distribution, its patches and ours, and what CPython contains of others', () => {
  const bundled = JSON.stringify({
    packages: [
      { name: 'expat', versionInfo: '2.6.3' },
      { name: 'mpdecimal', versionInfo: '2.5.1', licenseConcluded: 'NOASSERTION' },
      { name: 'pip', versionInfo: '25' },
    ],
  });
  const upstream = SOURCES[0] as LockedPackage;
  const components = sourceComponents({
    ...{
      definition: DEFINITION,
      sources: SOURCES,
      suite: () => 'trixie',
      pythonVersion: '3.13.5',
      place: 'inside',
    },
    contents: {
      [upstream.digest]: {
        texts: [{ name: 'LICENSE', text: 'PSF' }],
        ...{ bundled, versions: { expat: '2.7.1', mimalloc: '2.1.2' } },
      },
      // As its changelog has it: file names, and so locks, lack the epoch.
      [(SOURCES[3] as LockedPackage).digest]: { texts: [], version: '1:1.3-1' },
    },
  });
  assert.deepEqual(
    components.map(({ name, version, licence }) => [name, version, licence]),
    [
      ['python3.13', '3.13.5-2+deb13u5', 'Python-2.0.1'],
      ['zlib', '1:1.3-1', 'Zlib'],
      ['expat', '2.7.1', 'MIT'],
      ['mpdecimal', '2.5.1', 'BSD-2-Clause'],
      ['mimalloc', '2.1.2', 'MIT'],
    ],
  );
  const [python] = components;
  assert.equal(python?.purl, 'pkg:deb/debian/python3.13@3.13.5-2%2Bdeb13u5?arch=source&distro=debian-13');
  assert.equal(python.description, 'CPython. The interpreter and its standard library');
  const zlib = components[1]?.purl;
  assert.equal(zlib, 'pkg:deb/debian/zlib@1%3A1.3-1?arch=source&distro=debian-13');
  assert.equal(python.dependencies?.length, 4);
  assert.deepEqual(
    python.patches?.map(({ from, resolves }) => [from, ...resolves]),
    [['distribution', 'CVE-2026-6019'], ['distribution', 'CVE-2026-6019'], ['distribution'], ['provision']],
  );
});

test('where CPython has no list of what it contains of others, the versions in its headers say it', () => {
  const [upstream] = SOURCES;
  const components = sourceComponents({
    ...{ definition: DEFINITION, sources: SOURCES, suite: () => 'bookworm' },
    ...{ pythonVersion: '3.11.2', place: 'inside' },
    contents: {
      [(upstream as LockedPackage).digest]: { texts: [], versions: { expat: '2.5.0', mpdecimal: '2.5.1' } },
    },
  });
  assert.deepEqual(
    components.slice(2).map(({ name, version, licence }) => [name, version, licence]),
    [
      ['expat', '2.5.0', 'MIT'],
      ['mpdecimal', '2.5.1', 'BSD-2-Clause'],
    ],
  );
});

test('two crates of one name and version from different places are two components', () => {
  const one = { name: 'x', version: '1.0.0', kind: 'runtime', dependencies: [], texts: {} } as const;
  const record: LinkedCrates = {
    crates: [
      { ...one, name: 'app', dependencies: [1, 2, 3], root: true },
      { ...one, source: 'registry+https://a.invalid/', license: 'MIT/Apache-2.0', texts: { LICENSE: 0 } },
      { ...one, source: 'registry+https://b.invalid/' },
      { ...one, source: 'git+https://c.invalid/x#1', kind: 'build' },
    ],
    texts: ['text'],
  };
  const { program, others } = crateComponents(record);
  assert.equal(program.name, 'app');
  assert.deepEqual(
    program.dependencies,
    others.map(({ id }) => id),
  );
  assert.equal(new Set(others.map(({ id }) => id)).size, 3);
  assert.deepEqual(
    others.map(({ place, licence, texts }) => [place, licence, texts?.length]),
    [
      ['inside', 'MIT OR Apache-2.0', 1],
      ['inside', undefined, 0],
      ['tool', undefined, 0],
    ],
  );
});
