// What cargo says of a build → the crates that are linked, those that only build, and how they depend on each other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compiledPackages, linkedCrates, lockChecksums, readTexts } from '../../src/build/linked-crates.ts';

const TRIPLE = 'aarch64-unknown-linux-gnu';

function artifact(id: string, file: string, executable: string | null = null, name = id): string {
  const target = { name, kind: ['lib'] };
  return JSON.stringify({
    reason: 'compiler-artifact',
    package_id: id,
    target,
    filenames: [file],
    executable,
  });
}

const MESSAGES = [
  artifact('app', `/job/target/${TRIPLE}/release/app`, `/job/target/${TRIPLE}/release/app`),
  artifact('lib', `/job/target/${TRIPLE}/release/deps/liblib.rlib`),
  artifact('both', `/job/target/${TRIPLE}/release/deps/libboth.rlib`),
  artifact('both', '/job/target/release/deps/libboth.rlib'),
  artifact('macro', '/job/target/release/deps/libmacro.so'),
  artifact('builder', '/job/target/release/deps/libbuilder.rlib'),
  'not of cargo',
  '{"reason":"build-finished","success":true}',
].join('\n');

const metadata = (names: readonly string[], deps: Record<string, readonly [string, string | null][]>) => ({
  packages: names.map((id) => ({
    ...{ id, name: id, version: '1.0.0', license: id === 'lib' ? 'MIT' : null, license_file: null },
    source: id === 'app' ? null : 'registry+https://github.com/rust-lang/crates.io-index',
    manifest_path: `/job/${id}/Cargo.toml`,
  })),
  resolve: {
    nodes: names.map((id) => ({
      id,
      deps: (deps[id] ?? []).map(([pkg, kind]) => ({ pkg, dep_kinds: [{ kind }] })),
    })),
  },
});

const METADATA = metadata(['macro', 'app', 'tests', 'lib', 'windows', 'builder', 'both'], {
  app: [
    ['lib', null],
    ['macro', null],
    ['builder', 'build'],
    ['tests', 'dev'],
    ['windows', null],
  ],
  lib: [['both', null]],
  builder: [['both', null]],
});

test('what is compiled for the target is linked, what is compiled for the machine that builds is not', () => {
  const compiled = compiledPackages(MESSAGES, 'app', TRIPLE);
  assert.ok(compiled);
  const crates = linkedCrates(METADATA, compiled).map(({ name, kind, dependencies, root }) => [
    name,
    kind,
    dependencies,
    root === true,
  ]);
  assert.deepEqual(crates, [
    ['app', 'runtime', [2, 3, 4], true],
    ['both', 'runtime', [], false],
    ['builder', 'build', [1], false],
    ['lib', 'runtime', [1], false],
    ['macro', 'build', [], false],
  ]);
});

test('the checksum and the licence of a crate are those that it states', () => {
  const compiled = compiledPackages(MESSAGES, 'app', TRIPLE);
  assert.ok(compiled);
  const source = 'registry+https://github.com/rust-lang/crates.io-index';
  const lock = `[[package]]\nname = "lib"\nversion = "1.0.0"\nsource = "${source}"\nchecksum = "ab12"\n\n[[package]]\nname = "app"\nversion = "1.0.0"\n`;
  const lib = linkedCrates(METADATA, compiled, lockChecksums(lock)).find(({ name }) => name === 'lib');
  assert.equal(lib?.checksum, 'ab12');
  assert.equal(lib?.license, 'MIT');
});

test('a build without the program is none', () => {
  assert.equal(compiledPackages(MESSAGES, 'other', TRIPLE), undefined);
});

test('texts are read by their sizes, whatever is in them', () => {
  const text = '0 5 LICENSE\nnot a header';
  const output = Buffer.from(`0 3 LICENSE\nabc2 ${Buffer.byteLength(text)} with blank ü\n${text}`);
  assert.deepEqual(readTexts(output), [
    { number: 0, name: 'LICENSE', text: 'abc' },
    { number: 2, name: 'with blank ü', text },
  ]);
  assert.deepEqual(readTexts(Buffer.alloc(0)), []);
});
