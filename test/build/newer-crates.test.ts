// What cargo says of newer crates, from a real cargo and a real registry of this machine.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { compatibleWith, parseAvailable } from '../../src/build/bundled-crates.ts';
import {
  indexEntries,
  indexPath,
  parseUpdate,
  registryCrates,
  yankedOf,
} from '../../src/build/newer-crates.ts';
import { lockDifferences } from '../../src/build/update-crates.ts';
import { temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { startCrateRegistry, type Trouble } from '../support/crate-registry.ts';

const skip = spawnSync('cargo', ['--version']).status === 0 ? false : 'cargo is not installed';

interface Said {
  readonly output: string;
  readonly yanked: readonly string[];
}

/** `cargo update --dry-run` in a project that has locked `leaf` 1.0.0. */
async function update(t: TestContext, trouble: Trouble): Promise<Said> {
  const { index, checksum } = await startCrateRegistry(t, trouble);
  const folder = temporaryFolder(t, 'newer crätes ');
  const home = join(folder, 'home');
  mkdirSync(home);
  put(folder, {
    '.cargo/config.toml': `[registries.own]\nindex = "${index}"\n`,
    'Cargo.toml':
      '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\nleaf = { version = "1", registry = "own" }\n',
    'Cargo.lock': `version = 3\n\n[[package]]\nname = "app"\nversion = "0.1.0"\ndependencies = ["leaf"]\n\n[[package]]\nname = "leaf"\nversion = "1.0.0"\nsource = "${index}"\nchecksum = "${checksum}"\n`,
    'src/main.rs': 'fn main() {}\n',
  });
  const child = spawn('cargo', ['update', '--dry-run', '--verbose'], {
    cwd: folder,
    env: { ...process.env, CARGO_HOME: home, CARGO_TERM_COLOR: 'never' },
  });
  let output = '';
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(status, 0, output);
  const root = join(home, 'registry', 'index');
  const cache = readdirSync(root).map((name) => readFileSync(join(root, name, '.cache', indexPath('leaf'))));
  const locked = registryCrates(readFileSync(join(folder, 'Cargo.lock'), 'utf8'));
  assert.deepEqual(locked, [{ name: 'leaf', version: '1.0.0', checksum }]);
  const entries = indexEntries(Buffer.concat(cache));
  const other = { name: 'leaf', version: '1.0.0', checksum: '0'.repeat(64) };
  assert.deepEqual([...yankedOf([other], entries)], [], 'a crate of the same name of another registry');
  return { output, yanked: [...yankedOf(locked, entries)] };
}

test('a compatible version and one that is not are told apart', { skip }, async (t) => {
  const both = await update(t, { newer: ['1.1.0', '1.2.3', '2.0.0'] });
  assert.deepEqual(
    parseUpdate(both.output),
    [{ name: 'leaf', version: '1.0.0', compatible: '1.2.3', later: '2.0.0' }],
    both.output,
  );
  assert.deepEqual(both.yanked, []);
  const other = await update(t, { newer: ['2.0.0'] });
  assert.deepEqual(parseUpdate(other.output), [{ name: 'leaf', version: '1.0.0', later: '2.0.0' }]);
});

test('the newest is said nothing of; a version that was taken back is found in the index', {
  skip,
}, async (t) => {
  const none = await update(t, {});
  assert.deepEqual(parseUpdate(none.output), [], none.output);
  const taken = await update(t, { yanked: true, newer: ['1.0.1'] });
  assert.deepEqual(taken.yanked, ['leaf 1.0.0']);
});

test('lines of other cargos and of other kinds', () => {
  const lines = [
    '    Updating registry index',
    '     Locking 3 packages to latest Rust 1.85 compatible versions',
    '    Updating a v1.0.0 -> v1.1.0 (available: v2.0.0, requires Rust 1.90)',
    '   Unchanged b-c v0.1.0-rc.1 (available: v0.2.0)',
    ' Downgrading d v3.0.0 -> v2.9.0',
    '      Adding e v1.0.0',
    '    Removing f v1.0.0',
    'note: to see how you depend on a package, run `cargo tree`',
  ];
  assert.deepEqual(parseUpdate(lines.join('\n')), [
    { name: 'a', version: '1.0.0', compatible: '1.1.0', later: '2.0.0, requires Rust 1.90' },
    { name: 'b-c', version: '0.1.0-rc.1', later: '0.2.0' },
    { name: 'd', version: '3.0.0', compatible: '2.9.0' },
  ]);
});

test('where the index has a crate, by the length of its name', () => {
  assert.deepEqual(['a', 'ab', 'Abc', 'PyO3', 'serde_json'].map(indexPath), [
    ...['1/a', '2/ab', '3/a/abc', 'py/o3/pyo3', 'se/rd/serde_json'],
  ]);
});

test('entries are of the index that their file is of', () => {
  const entry = (vers: string) => `{"name":"leaf","vers":"${vers}","cksum":"${vers}","yanked":false}`;
  const file = (index: string, vers: string) =>
    `==> ${index}/.cache/le/af/leaf <==\n\x03\x02etag: "x"\0${vers}\0${entry(vers)}\0`;
  const read = indexEntries(Buffer.from(`${file('one', '1.0.0')}\n${file('two', '2.0.0')}`));
  assert.deepEqual(
    read.map(({ index, version }) => [index, version]),
    [
      ['one', '1.0.0'],
      ['two', '2.0.0'],
    ],
  );
});

test('crates of a folder or of git are in no index', () => {
  const lock =
    'version = 4\n[[package]]\nname = "own"\nversion = "0.1.0"\n[[package]]\nname = "g"\nversion = "1.0.0"\nsource = "git+https://example.org/g#0"\n';
  assert.deepEqual(registryCrates(lock), []);
  assert.deepEqual(registryCrates('not TOML ['), []);
});

test('versions are compatible by the first number that is not zero', () => {
  assert.deepEqual(
    ['1.2.3', '1.9.0', '2.0.0-rc.1', '0.3.1', '0.4.0', '0.0.7', '10.0.0+x'].map(compatibleWith),
    [...['1', '1', '2', '0.3', '0.4', '0.0.7', '10']],
  );
});

test('what there is beyond a version that is locked for the first time', () => {
  const lines = [
    '     Locking 3 packages to latest Rust 1.85 compatible versions',
    '      Adding a v1.1.0 (available: v2.0.0, requires Rust 1.90)',
    '      Adding b v1.1.0',
    '      Adding c v0.1.0 (registry `own`) (available: v0.2.0)',
  ];
  assert.deepEqual(
    [...parseAvailable(lines.join('\n'))],
    [
      ['a 1.1.0', '2.0.0, requires Rust 1.90'],
      ['c 0.1.0', '0.2.0'],
    ],
  );
});

test('the difference of two locks names what changed, came and went, each version of a crate apart', () => {
  const lock = (...crates: readonly (readonly [string, string])[]): string =>
    [
      'version = 4',
      ...crates.map(([name, version]) => `[[package]]\nname = "${name}"\nversion = "${version}"`),
    ].join('\n');
  const before = lock(
    ['same', '1.0.0'],
    ['two', '1.10.0'],
    ['two', '1.9.0'],
    ['gone', '1.0.0'],
    ['up', '1.0.0'],
  );
  const after = lock(
    ['same', '1.0.0'],
    ['two', '1.10.0'],
    ['two', '1.9.1'],
    ['new', '3.0.0'],
    ['up', '1.0.1'],
  );
  assert.deepEqual(lockDifferences(before, after), [
    { name: 'gone', from: '1.0.0' },
    { name: 'new', to: '3.0.0' },
    { name: 'two', from: '1.9.0', to: '1.9.1' },
    { name: 'up', from: '1.0.0', to: '1.0.1' },
  ]);
  assert.deepEqual(lockDifferences(before, before), []);
});
