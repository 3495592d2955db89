import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readCargoConfiguration } from '../../src/build/cargo-configuration.ts';
import { cargoNotices } from '../../src/build/cargo-notices.ts';
import { crateAccess, hostCargo } from '../../src/build/host-cargo.ts';
import { tokensFor } from '../../src/build/registry-tokens.ts';
import { pinNotice } from '../../src/build/rust-pin.ts';
import { satisfiesPin } from '../../src/crate/rust-toolchain.ts';
import { formatToml, type Table } from '../../src/crate/toml.ts';
import type { CargoConfiguration } from '../../src/domain/cargo.ts';
import type { Resolved } from '../../src/domain/definitions.ts';
import type { LockedPackage } from '../../src/domain/packages.ts';
import type { BuildEnv } from '../../src/env/env.ts';
import type { Failure } from '../../src/failure.ts';
import { temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';
import { put } from '../support/crate.ts';

interface Place {
  readonly folder: string;
  readonly project: string;
  readonly read: () => ReturnType<typeof readCargoConfiguration>;
  readonly resolved: Resolved;
}

/** A workspace `above/project` with a member, and a cargo home. */
function placeOf(t: TestContext, files: Readonly<Record<string, string>>): Place {
  const folder = temporaryFolder(t, 'provision config ü ');
  const project = join(folder, 'above', 'project');
  mkdirSync(join(project, 'member'), { recursive: true });
  put(folder, files);
  const resolved = {
    recipe: { project: { folder: join(project, 'member'), root: project, env: {} } },
    target: { rustTriple: 'aarch64-unknown-linux-gnu', libc: 'gnu', pointerWidth: 64, endianness: 'little' },
    hostTarget: {
      rustTriple: 'x86_64-unknown-linux-gnu',
      libc: 'gnu',
      pointerWidth: 64,
      endianness: 'little',
    },
    rustStd: { from: 'packages' },
    toolchain: { name: 'llvm' },
  } as unknown as Resolved;
  const { settings } = testContext({ cargoHome: join(folder, 'home') });
  return { folder, project, resolved, read: () => readCargoConfiguration(settings, resolved) };
}

async function configured(place: Place): Promise<CargoConfiguration> {
  const read = await place.read();
  assert.ok(read.ok, JSON.stringify(read));
  assert.ok(read.value !== undefined);
  return read.value;
}

async function refused(place: Place): Promise<Failure> {
  const read = await place.read();
  assert.ok(!read.ok);
  return read.error;
}

test('without any file there is no configuration, and a file that is none of cargo is no part of it', async (t) => {
  const place = placeOf(t, { 'above/project/.cargo/other.toml': '[build]\n' });
  assert.deepEqual(await place.read(), { ok: true, value: undefined });
});

test('files are joined in the order of cargo; of two in a folder the one without an ending is read', async (t) => {
  const place = placeOf(t, {
    'home/config.toml': '[build]\nrustflags = ["home"]\n[env]\nA = "home"\nB = "home"\n',
    'above/.cargo/config.toml': '[build]\nrustflags = ["above"]\nincremental = true\n[env]\nB = "above"\n',
    'above/project/.cargo/config': '[build]\nrustflags = ["plain"]\n',
    'above/project/.cargo/config.toml': '[build]\nrustflags = ["with ending"]\n',
    'above/project/member/.cargo/config.toml': '[build]\nrustflags = ["member"]\nincremental = false\n',
  });
  const { merged, outer, counted } = await configured(place);
  assert.deepEqual(merged.build, { rustflags: ['home', 'above', 'plain', 'member'], incremental: false });
  // What a build sees itself is not repeated.
  assert.deepEqual(outer.build, { rustflags: ['home', 'above'], incremental: true });
  assert.deepEqual(counted, { build: outer.build, env: { A: 'home', B: 'above' } });
});

test('what says only where crates come from, or how cargo prints, is no input of the build', async (t) => {
  const place = placeOf(t, {
    'home/config.toml':
      '[registries.own]\nindex = "sparse+http://127.0.0.1/"\ntoken = "secret-token"\n[net]\nretry = 1\n[term]\nquiet = true\n[alias]\nb = "build"\n[build]\njobs = 3\ntarget-dir = "x"\n',
  });
  const configuration = await configured(place);
  assert.deepEqual(configuration.counted, {});
  assert.deepEqual(Object.keys(configuration.outer).sort(), ['net', 'registries']);
  const settings = testContext({ cargoHome: join(place.folder, 'home') }).settings;
  const cargo = await hostCargo(settings, configuration, {});
  assert.ok(cargo.ok);
  assert.doesNotMatch(cargo.value.config + JSON.stringify(configuration), /secret-token/);
  assert.doesNotMatch(JSON.stringify(cargo.value), /secret-token/);
  const named = (index: string) => `[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "${index}"\n`;
  const { env } = cargo.value;
  assert.deepEqual(cargo.value.fetching(named('sparse+http://127.0.0.1/')).env, {
    ...env,
    CARGO_REGISTRIES_OWN_TOKEN: 'secret-token',
  });
  assert.deepEqual(cargo.value.fetching(named('sparse+http://127.0.0.2/')).env, env);
  const alone = await crateAccess(settings);
  assert.ok(alone.ok);
  assert.match(alone.value.config, /registries\.own/);
});

test('paths outside of the project: vendored crates are mounted, the bundle of authorities too, a relative variable is absolute', async (t) => {
  const place = placeOf(t, {
    'home/config.toml':
      '[http]\ncainfo = "home/ca.pem"\n[source.v]\ndirectory = "vendored"\n[source.crates-io]\nreplace-with = "v"\n',
    'above/.cargo/config.toml':
      '[env]\nDATA = { value = "data", relative = true }\n[source.w]\nlocal-registry = "project/registry"\n',
    'vendored/a/src/lib.rs': 'one',
    'above/beside/b/src/lib.rs': 'two',
    'above/project/.cargo/config.toml':
      '[source.nowhere]\ndirectory = "/nowhere/at/all"\n[source.x]\ndirectory = "../beside"\n[source.y]\ndirectory = "inside"\n',
  });
  const { outer, sources, caBundle } = await configured(place);
  assert.equal(caBundle, join(place.folder, 'home/ca.pem'));
  assert.deepEqual(outer.env, { DATA: { value: join(place.folder, 'above/data') } });
  assert.deepEqual(outer.source, {
    v: { directory: '/job/sources/0' },
    'crates-io': { 'replace-with': 'v' },
    w: { 'local-registry': '/job/project/registry' },
  });
  assert.deepEqual(sources, [
    { folder: join(place.folder, 'vendored'), at: '/job/sources/0', unpacked: true },
    { folder: join(place.folder, 'above/beside'), at: '/job/beside', unpacked: true },
  ]);
  // Unpacked crates are counted: a change of one is a change of the program.
  const before = (await configured(place)).vendored;
  put(place.folder, { 'above/beside/b/src/lib.rs': 'three' });
  assert.notEqual((await configured(place)).vendored, before);
  put(place.folder, { 'above/beside/b/src/lib.rs': 'two' });
  assert.equal((await configured(place)).vendored, before);
});

test('crates outside of the project, forced variables and files that are no TOML are refused by name', async (t) => {
  const patched = await refused(
    placeOf(t, {
      'above/.cargo/config.toml': '[patch.crates-io]\na = { path = "a" }\nb = { path = "project/b" }\n',
    }),
  );
  assert.equal(patched.code, 'recipe/path-outside');
  assert.match(patched.what, /: `a`\.$/);
  const forced = await refused(
    placeOf(t, {
      'above/project/.cargo/config.toml': '[env]\nPYO3_CONFIG_FILE = { value = "x", force = true }\n',
    }),
  );
  assert.equal(forced.code, 'recipe/reserved-variable');
  const broken = await refused(placeOf(t, { 'above/.cargo/config.toml': '[build]\nrustflags = [\n' }));
  assert.equal(broken.code, 'usage/cargo-config');
  assert.equal(broken.at?.line, 3);
});

test('what a build does not take is named with its file; what it takes, and what is for other targets, is not', async (t) => {
  const place = placeOf(t, {
    'home/config.toml':
      'include = ["more.toml"]\n[build]\nrustc-wrapper = "sccache"\ntarget = "aarch64-unknown-linux-gnu"\n[registry]\nglobal-credential-providers = ["cargo:token", "cargo:libsecret"]\n[target.x86_64-pc-windows-gnu]\nlinker = "x"\n',
    'above/project/.cargo/config.toml':
      '[build]\nrustc-wrapper = "tools/wrap"\nbuild-dir = "b"\ntarget = ["a", "b"]\n[target.x86_64-unknown-linux-gnu]\nlinker = "clang"\n',
  });
  const { overridden } = await configured(place);
  const named = (inside: boolean) => overridden.filter((one) => one.inside === inside).map(({ key }) => key);
  assert.deepEqual(named(false), ['build.rustc-wrapper', 'registry.global-credential-providers', 'include']);
  assert.deepEqual(named(true), [
    'build.build-dir',
    'build.target',
    'target.x86_64-unknown-linux-gnu.linker',
  ]);
  assert.ok(overridden.every(({ file }) => /config\.toml$/.test(file)));
});

test("unstable settings are for a Rust of one's own, or where a stable one is told to take them", async (t) => {
  const place = placeOf(t, {
    'home/config.toml': '[unstable]\nmtime-on-use = true\n',
    'above/project/.cargo/config.toml': '[unstable]\nbuild-std = ["std"]\n',
  });
  const keys = async (change: object) => {
    const { settings } = testContext({ cargoHome: join(place.folder, 'home') });
    const read = await readCargoConfiguration(settings, { ...place.resolved, ...change });
    assert.ok(read.ok && read.value !== undefined);
    return read.value.overridden.map(({ key, inside }) => [key, inside]);
  };
  assert.deepEqual(await keys({}), [
    ['unstable', true],
    ['unstable', false],
  ]);
  const { project } = place.resolved.recipe;
  assert.deepEqual(await keys({ recipe: { project: { ...project, env: { RUSTC_BOOTSTRAP: '1' } } } }), []);
  assert.deepEqual(await keys({ rust: { version: 'nightly' } }), []);
});

test("of variables of `[env]` the recipe's own are told apart from those that a build sets itself", async (t) => {
  const place = placeOf(t, {
    'above/project/.cargo/config.toml':
      '[env]\nBOTH = "a"\nHOME = "/h"\nONLY = "c"\nFORCED = {value = "d", force = true}\n',
  });
  const { project } = place.resolved.recipe;
  const resolved = {
    ...place.resolved,
    recipe: { project: { ...project, env: { BOTH: 'b' } } },
    cargo: await configured(place),
  } as unknown as Resolved;
  const env = { variables: { BOTH: 'b', HOME: '/tmp', FORCED: 'e' } } as unknown as BuildEnv;
  const messages = cargoNotices(testContext().settings, resolved, env).map(({ message }) => message);
  assert.equal(messages.length, 2);
  assert.match(messages[0] as string, /a build sets itself.*: `HOME`\. Put it into `project\.env`/);
  assert.match(messages[1] as string, /^`project\.env` of the recipe counts.*: `BOTH`\.$/);
});

test('a linker of a condition is named where the condition may hold', async (t) => {
  const named = async (condition: string) => {
    const text = `[target.'cfg(${condition})']\nlinker = "x"\n`;
    return (await configured(placeOf(t, { 'home/config.toml': text }))).overridden.length === 1;
  };
  for (const [condition, holds] of [
    ['unix', true],
    ['windows', false],
    ['not(windows)', true],
    ['target_os = "linux"', true],
    ['target_os = "macos"', false],
    ['any(target_os = "macos", windows)', false],
    ['any(windows, target_arch = "aarch64")', true],
    ['all(unix, target_env = "musl")', false],
    ['all(target_pointer_width = "64", not(target_endian = "big"))', true],
    ['all()', true],
    ['any()', false],
    ['not(something_else)', true],
  ] as const)
    assert.equal(await named(condition), holds, condition);
});

test('tables that change what is built count, and how crates are fetched does not', async (t) => {
  const counted = {
    build: { rustdocflags: ['--cfg', 'docs'] },
    target: { 'aarch64-unknown-linux-gnu': { z: { 'rustc-link-lib': ['z'] } } },
  };
  const place = placeOf(t, {
    'home/config.toml': `${formatToml({ ...counted, http: { timeout: 5, multiplexing: false } })}\n`,
  });
  const configuration = await configured(place);
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
  assert.deepEqual(plain(configuration.counted), counted);
  assert.deepEqual(plain(configuration.outer), { ...counted, http: { timeout: 5, multiplexing: false } });
  const cargo = await hostCargo(testContext().settings, configuration, {});
  assert.ok(cargo.ok);
  assert.match(cargo.value.config, /rustdocflags[\s\S]*timeout = 5|timeout = 5[\s\S]*rustdocflags/);
  assert.deepEqual(configuration.overridden, []);
});

test('a pin of Rust that the image satisfies is no notice; another one names both', async (t) => {
  for (const [channel, satisfied] of [
    ['stable', true],
    ['1.85', true],
    ['1.85.1', true],
    ['1.85.1-x86_64-unknown-linux-gnu', true],
    ['1.85.0', false],
    ['1.8', false],
    ['1.95', false],
    ['nightly', false],
    ['nightly-2026-01-01', false],
    ['beta', false],
    ['mine', false],
  ] as const)
    assert.equal(satisfiesPin('1.85.1', { file: 'x', channel }), satisfied, channel);
  const rustc = [{ name: 'rustc', version: '1.85.1+dfsg3-1' }] as unknown as LockedPackage[];
  const old = placeOf(t, { 'above/rust-toolchain': 'nightly-2026-01-01\n' });
  const notice = await pinNotice(old.resolved, rustc);
  assert.match(notice?.message ?? '', /asks for Rust nightly-2026-01-01; the build uses Rust 1\.85\.1/);
  assert.equal(await pinNotice({ ...old.resolved, rust: {} } as Resolved, rustc), undefined);
  const own = placeOf(t, { 'above/project/rust-toolchain.toml': '[toolchain]\npath = "/opt/rust"\n' });
  assert.match((await pinNotice(own.resolved, rustc))?.message ?? '', /the toolchain in \/opt\/rust/);
  const fits = placeOf(t, {
    'above/project/rust-toolchain.toml': '[toolchain]\nchannel = "stable"\ncomponents = ["rust-src"]\n',
    'above/rust-toolchain': 'nightly\n',
  });
  assert.equal(await pinNotice(fits.resolved, rustc), undefined);
});

test('a token goes to the index that the machine names, and to what replaces another source', () => {
  const lock = '[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "sparse+http://own.invalid/"\n';
  const variables = {
    CARGO_REGISTRIES_OWN_TOKEN: 'one',
    CARGO_REGISTRIES_A_MIRROR_TOKEN: 'two',
    CARGO_REGISTRY_TOKEN: 'three',
  };
  const own = { registries: { own: { index: 'sparse+http://own.invalid' } } };
  const tokens = (outer: Table, merged: Table, more = {}) =>
    tokensFor(lock, { ...variables, ...more }, { outer, merged }).variables;
  assert.deepEqual(tokens({}, own), { CARGO_REGISTRIES_OWN_TOKEN: 'one' });
  // The project says that the name is of another registry than the machine does.
  assert.deepEqual(tokens({ registries: { own: { index: 'sparse+http://right.invalid/' } } }, own), {});
  const source = { 'crates-io': { 'replace-with': 'a-mirror' } };
  const mirror = { 'a-mirror': { index: 'sparse+http://mirror.invalid/' } };
  const mirrored = { CARGO_REGISTRIES_A_MIRROR_TOKEN: 'two' };
  assert.deepEqual(tokens({ source, registries: mirror }, { source }), mirrored);
  const named = { ...source, 'a-mirror': { registry: 'sparse+http://mirror.invalid/' } };
  assert.deepEqual(tokens({ source: named }, { source: named }), mirrored);
  const variable = { CARGO_REGISTRIES_A_MIRROR_INDEX: 'sparse+http://mirror.invalid/' };
  assert.deepEqual(tokens({ source }, { source }, variable), mirrored);
  assert.deepEqual(tokens({}, { source, registries: mirror }), {});
  // The machine says that the name stands in for another registry, and the project which one it is.
  assert.deepEqual(tokens({ source }, { source, registries: mirror }), {});
});
