// What cargo says of newer crates, from a real cargo and a real registry of this machine.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { indexPath, parseLock, parseUpdate, yankedIn } from '../../src/build/newer-crates.ts';
import { temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { startCrateRegistry, type Trouble } from '../support/crate-registry.ts';

const skip = spawnSync('cargo', ['--version']).status === 0 ? false : 'cargo is not installed';

interface Said {
  readonly output: string;
  readonly cache: Buffer;
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
  assert.deepEqual(parseLock(readFileSync(join(folder, 'Cargo.lock'), 'utf8')), [
    { name: 'leaf', version: '1.0.0' },
  ]);
  return { output, cache: Buffer.concat(cache) };
}

test('a compatible version and one that is not are told apart', { skip }, async (t) => {
  const both = await update(t, { newer: ['1.1.0', '1.2.3', '2.0.0'] });
  assert.deepEqual(
    parseUpdate(both.output),
    [{ name: 'leaf', version: '1.0.0', compatible: '1.2.3', later: '2.0.0' }],
    both.output,
  );
  assert.deepEqual([...yankedIn(both.cache)], []);
  const other = await update(t, { newer: ['2.0.0'] });
  assert.deepEqual(parseUpdate(other.output), [{ name: 'leaf', version: '1.0.0', later: '2.0.0' }]);
});

test('the newest is said nothing of; a version that was taken back is found in the index', {
  skip,
}, async (t) => {
  const none = await update(t, {});
  assert.deepEqual(parseUpdate(none.output), [], none.output);
  const taken = await update(t, { yanked: true, newer: ['1.0.1'] });
  assert.deepEqual([...yankedIn(taken.cache)], ['leaf 1.0.0']);
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

test('crates of a folder or of git are in no index', () => {
  const lock =
    'version = 4\n[[package]]\nname = "own"\nversion = "0.1.0"\n[[package]]\nname = "g"\nversion = "1.0.0"\nsource = "git+https://example.org/g#0"\n';
  assert.deepEqual(parseLock(lock), []);
  assert.deepEqual(parseLock('not TOML ['), []);
});
