import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CrateChoice, findCrate, readCrate } from '../../src/crate/crate.ts';
import { type Crate, cargoSelection } from '../../src/domain/crate.ts';
import { temporaryFolder } from '../support/cli.ts';
import { crateOf, LOCK, MANIFEST, PROGRAM } from '../support/crate.ts';

const USUAL: CrateChoice = { features: [], defaultFeatures: true };

async function read(folder: string, choice: Partial<CrateChoice> = {}): Promise<Crate> {
  const crate = await readCrate(folder, { ...USUAL, ...choice });
  assert.ok(crate.ok, JSON.stringify(crate));
  return crate.value;
}

async function fails(folder: string, choice: Partial<CrateChoice> = {}): Promise<string> {
  const crate = await readCrate(folder, { ...USUAL, ...choice });
  assert.ok(!crate.ok);
  const { code, what, fix, evidence = [] } = crate.error;
  return [code, what, ...fix, ...evidence].join('\n');
}

test('readCrate reads binary, PyO3 version and features, and minimum Rust of a crate', async (t) => {
  const folder = crateOf(t, {
    ...PROGRAM,
    'Cargo.toml': MANIFEST.replace('edition', 'rust-version = "1.70"\nedition').replace(
      '"0.30"',
      '{ version = "0.30", features = ["auto-initialize", "abi3-py310", "abi3-py39"] }',
    ),
  });
  assert.deepEqual(await read(folder), {
    folder,
    root: folder,
    name: 'mini',
    version: '0.1.0',
    bin: 'mini',
    bins: ['mini'],
    rustVersion: '1.70',
    locked: true,
    pyo3: {
      version: '0.30.1',
      direct: true,
      features: ['abi3-py310', 'abi3-py39', 'auto-initialize'],
      autoInitialize: true,
      extensionModule: false,
      abi3: 'abi3-py39',
    },
  });
});

test("PyO3's features are resolved through features and dependencies as cargo does", async (t) => {
  const folder = crateOf(t, {
    ...PROGRAM,
    'Cargo.toml': `[package]
name = "mini"
[features]
default = ["embed"]
embed = ["dep:python", "python/auto-initialize"]
module = ["embed", "python?/extension-module"]
[target.'cfg(unix)'.dependencies]
python = { package = "pyo3", version = "0.30", optional = true, default-features = false }
[dependencies]
other = { path = "other", optional = true }
`,
    'other/Cargo.toml':
      '[package]\nname = "other"\n[dependencies]\npyo3 = { version = "0.30", features = ["abi3"] }\n',
  });
  const features = async (choice: Partial<CrateChoice>) => (await read(folder, choice)).pyo3?.features;
  assert.deepEqual(await features({}), ['auto-initialize']);
  assert.deepEqual(await features({ features: ['module'] }), ['auto-initialize', 'extension-module']);
  assert.equal((await read(folder, { features: ['module'] })).pyo3?.extensionModule, true);
  assert.deepEqual(await features({ defaultFeatures: false, features: ['other'] }), ['abi3']);
  // No package depends on it, but the lock has it: a registry crate may depend on it.
  assert.deepEqual((await read(folder, { defaultFeatures: false })).pyo3, {
    version: '0.30.1',
    direct: false,
    features: [],
    autoInitialize: false,
    extensionModule: false,
  });
});

test("the bindings without the rest of PyO3 are PyO3's, with the same versions and features", async (t) => {
  const folder = crateOf(t, {
    ...PROGRAM,
    'Cargo.toml':
      '[package]\nname = "mini"\n[dependencies]\nffi = { package = "pyo3-ffi", version = "0.30", features = ["abi3-py311"] }\n',
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "pyo3-ffi"\nversion = "0.30.1"\n',
  });
  assert.deepEqual((await read(folder)).pyo3, {
    version: '0.30.1',
    direct: true,
    features: ['abi3-py311'],
    autoInitialize: false,
    extensionModule: false,
    abi3: 'abi3-py311',
  });
});

test('a crate without PyO3 has no PyO3 settings', async (t) => {
  const folder = crateOf(t, {
    ...PROGRAM,
    'Cargo.toml': '[package]\nname = "mini"\n',
    'Cargo.lock': 'version = 4\n',
  });
  assert.equal((await read(folder)).pyo3, undefined);
});

const WORKSPACE = {
  'Cargo.toml': `[workspace]
members = ["crates/*", "tools"]
exclude = ["crates/left-out"]
[workspace.package]
rust-version = "1.80"
[workspace.dependencies]
pyo3 = { version = "0.30", features = ["auto-initialize"] }
`,
  'Cargo.lock': LOCK,
  'crates/one/Cargo.toml':
    '[package]\nname = "one"\nrust-version.workspace = true\n[dependencies]\npyo3 = { workspace = true, features = ["abi3"] }\n',
  'crates/one/src/main.rs': '',
  'crates/library/Cargo.toml': '[package]\nname = "library"\n',
  'crates/library/src/lib.rs': '',
  'crates/left-out/Cargo.toml': '[package]\nname = "left-out"\n',
  'crates/left-out/src/main.rs': '',
  'tools/Cargo.toml': '[package]\nname = "tools"\nautobins = false\n[[bin]]\nname = "two"\npath = "two.rs"\n',
};

test('the root of a workspace member is the workspace', async (t) => {
  const folder = crateOf(t, WORKSPACE);
  const one = await read(join(folder, 'crates/one'));
  assert.deepEqual(
    [one.folder, one.root, one.locked, one.rustVersion, one.pyo3?.features],
    [join(folder, 'crates/one'), folder, true, '1.80', ['abi3', 'auto-initialize']],
  );
  const leftOut = await read(join(folder, 'crates/left-out'));
  assert.deepEqual([leftOut.root, leftOut.locked], [leftOut.folder, false]);
});

test('a workspace with several binaries needs `bin`; the failure lists them', async (t) => {
  const folder = crateOf(t, WORKSPACE);
  const message = await fails(folder);
  assert.match(message, /^recipe\/which-bin\n.* 2 binaries/);
  assert.match(message, /^one \(crates\/one\)$/m);
  assert.match(message, /^two \(tools\)$/m);
  const two = await read(folder, { bin: 'two' });
  assert.deepEqual([two.folder, two.root, two.bins], [join(folder, 'tools'), folder, ['one', 'two']]);
  assert.match(await fails(folder, { bin: 'tow' }), /^recipe\/unknown-bin\n[\s\S]*Did you mean `two`\?/);
});

test('binaries are discovered as cargo does', async (t) => {
  const folder = crateOf(t, {
    ...PROGRAM,
    'Cargo.toml':
      '[package]\nname = "mini"\ndefault-run = "b"\n[[bin]]\nname = "main-one"\npath = "src/main.rs"\n',
    'src/bin/a.rs': '',
    'src/bin/b/main.rs': '',
    'src/bin/notes/readme.md': '',
  });
  const crate = await read(folder);
  assert.deepEqual([crate.bin, crate.bins], ['b', ['a', 'b', 'main-one']]);
});

test('a folder without a crate, and a crate without a binary, are rejected by code', async (t) => {
  const empty = temporaryFolder(t);
  assert.match(await fails(empty), /^recipe\/no-project\n/);
  assert.equal(findCrate(join(empty, 'below')), undefined);
  const members = crateOf(t, {
    'Cargo.toml': '[workspace]\nmembers = ["a"]\n',
    'a/Cargo.toml': MANIFEST,
    'a/src/lib.rs': '',
  });
  assert.match(await fails(members), /^recipe\/no-bin\n/);
  assert.match(await fails(crateOf(t, { 'Cargo.toml': 'x = 1\n' })), /^recipe\/no-package\n/);
  const broken = await readCrate(crateOf(t, { 'Cargo.toml': '[package]\nname = \n' }), USUAL);
  assert.ok(!broken.ok);
  assert.deepEqual(
    [broken.error.code, broken.error.at?.line, broken.error.at?.text],
    ['recipe/bad-manifest', 2, 'name = '],
  );
});

for (const [name, lock, line, what] of [
  [
    'with conflict markers',
    'version = 4\n\n[[package]]\n<<<<<<< HEAD\nname = "a"\n=======\n>>>>>>> b\n',
    4,
    /conflict markers/,
  ],
  ['with the markers of another system', 'version = 4\r\n<<<<<<< HEAD\r\n', 2, /conflict markers/],
  ['with a line of garbage', 'version = 4\ngarbage here\n', 2, /cannot be read: /],
  ['that is cut off', 'version = 4\n\n[[package]]\nname = "a', 4, /cannot be read: /],
] as const) {
  test(`a Cargo.lock ${name} is rejected at its line`, async (t) => {
    const folder = crateOf(t, { ...PROGRAM, 'Cargo.lock': lock });
    const broken = await readCrate(folder, USUAL);
    assert.ok(!broken.ok);
    const { code, at, what: said } = broken.error;
    assert.deepEqual([code, at?.file, at?.line], ['recipe/bad-cargo-lock', join(folder, 'Cargo.lock'), line]);
    assert.match(said, what);
  });
}

test('a crate that is reached through a symbolic link has its real path', async (t) => {
  const folder = crateOf(t);
  const link = join(temporaryFolder(t), 'link');
  symlinkSync(folder, link);
  assert.equal((await read(link)).folder, folder);
  assert.equal(findCrate(join(folder, 'src')), folder);
});

test('a package without binaries is run by its examples; one with them has an example chosen by its name', async (t) => {
  const examples = {
    'examples/one.rs': 'fn main() {}\n',
    'examples/two/main.rs': 'fn main() {}\n',
    'examples/two/part.rs': '',
  };
  const library = crateOf(t, { 'Cargo.toml': MANIFEST, 'Cargo.lock': LOCK, 'src/lib.rs': '', ...examples });
  assert.match(await fails(library), /recipe\/which-bin[\s\S]*one\ntwo$/);
  const { bin, bins, example } = await read(library, { bin: 'two' });
  assert.deepEqual([bin, bins, example], ['two', ['one', 'two'], true]);
  const program = crateOf(t, { ...PROGRAM, ...examples });
  assert.equal((await read(program)).example, undefined);
  assert.deepEqual((await read(program, { bin: 'one' })).example, true);
  assert.match(await fails(program, { bin: 'three' }), /recipe\/unknown-bin/);
  const plugin = `${MANIFEST}\n[[example]]\nname = "one"\ncrate-type = ["cdylib"]\n`;
  const other = crateOf(t, { 'Cargo.toml': plugin, 'Cargo.lock': LOCK, 'src/lib.rs': '', ...examples });
  assert.equal((await read(other)).bin, 'two');
});

test('a package that is a library has its tests, and no program', async (t) => {
  for (const files of [
    { 'Cargo.toml': MANIFEST, 'src/lib.rs': '' },
    { 'Cargo.toml': `${MANIFEST}\n[lib]\npath = "python.rs"\n`, 'python.rs': '' },
  ]) {
    const library = await read(crateOf(t, files));
    assert.deepEqual([library.testsOnly, library.bin, library.bins], [true, 'mini', []]);
    assert.deepEqual(cargoSelection(library), ['--lib']);
  }
  const example = await read(
    crateOf(t, { 'Cargo.toml': MANIFEST, 'src/lib.rs': '', 'examples/shows.rs': '' }),
  );
  assert.equal(example.testsOnly, undefined);
  assert.deepEqual(cargoSelection(example), ['--example', 'shows']);
  assert.deepEqual(cargoSelection(await read(crateOf(t))), ['--bin', 'mini']);
  assert.match(
    await fails(crateOf(t, { 'Cargo.toml': MANIFEST, 'src/lib.rs': '' }), { ...USUAL, bin: 'mini' }),
    /^recipe\/no-bin\n/,
  );
});
