// What of a project can be started or loaded where crates are fetched: nothing.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { transportNotices } from '../../src/build/cargo-notices.ts';
import {
  conditionFlags,
  fetchConfigurations,
  fetchVariables,
  withoutPrograms,
} from '../../src/build/fetch-step.ts';
import { formatToml, parseToml } from '../../src/crate/toml.ts';
import type { CargoConfiguration } from '../../src/domain/cargo.ts';
import type { Project } from '../../src/domain/definitions.ts';
import { temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

test('variables that start or load something are left out, those about crates and conditions are not', () => {
  const kept = {
    PATH: '/usr/bin:/bin',
    RUSTC_BOOTSTRAP: '1',
    CARGO_HOME: '/job/cargo',
    CARGO_NET_RETRY: '0',
    CARGO_REGISTRIES_OWN_INDEX: 'sparse+https://own.invalid/',
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS: '--sysroot=/sysroot/usr --cfg tokio_unstable',
    CARGO_ENCODED_RUSTFLAGS: '--cfg=a b\x1f-Ctarget-cpu=native',
  };
  const given = {
    ...kept,
    PATH: `${LEADS_TO_PROJECT}:/usr/bin:/bin`,
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS:
      '--sysroot=/sysroot/usr -Clinker=./bad -Zcodegen-backend=./bad.so --cfg tokio_unstable -C link-arg=x',
    CARGO_ENCODED_RUSTFLAGS: '--cfg=a b\x1f-Zllvm-plugins=bad.so\x1f-Ctarget-cpu=native',
    HOME: '/job/project',
    LD_PRELOAD: '/job/project/bad.so',
    LD_LIBRARY_PATH: '/job/project',
    GCONV_PATH: '/job/project',
    BASH_ENV: '/job/project/bad',
    RUSTC: './bad',
    CARGO_BUILD_RUSTC: './bad',
    CARGO_BUILD_RUSTC_WRAPPER: './bad',
    CARGO_REGISTRIES_OWN_CREDENTIAL_PROVIDER: './bad',
    CARGO_REGISTRY_GLOBAL_CREDENTIAL_PROVIDERS: './bad',
    CARGO_CREDENTIAL_ALIAS_OWN: './bad',
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER: './bad',
  };
  const env = { ...given, PATH: LEADS_TO_PROJECT };
  assert.deepEqual(fetchVariables(given, { env }, NO_TOKENS), kept);
  const own = { PATH: '/usr/bin:/bin', HOME: '/tmp' };
  assert.deepEqual(fetchVariables(own, { env: {} }, NO_TOKENS), own);
});

/** Folders of PATH that are the project's, or of crates and of what builds have left. */
const LEADS_TO_PROJECT =
  '/job/project/bin:bin::/usr/../job/project:/proc/self/cwd/bin:/job/cargo/registry/src/x/bad-1.0.0:/job/target';

const NO_TOKENS = { indexes: new Map<string, string>() };
const OWN = { indexes: new Map([['OWN', 'sparse+https://own.invalid/']]) };

test('where there are tokens, variables of the project that could lead them elsewhere are left out', () => {
  const kept = {
    CARGO_NET_RETRY: '0',
    CARGO_HTTP_TIMEOUT: '5',
    CARGO_HTTP_LOW_SPEED_LIMIT: '5',
    CARGO_REGISTRIES_OWN_INDEX: 'https://own.invalid',
    CARGO_REGISTRIES_OTHER_INDEX: 'sparse+https://other.invalid/',
  };
  const leading = {
    HOME: '/job/project',
    CARGO_HTTP_PROXY: 'http://other.invalid',
    CARGO_HTTP_CAINFO: 'ca.pem',
    CARGO_HTTP_PROXY_CAINFO: 'ca.pem',
    CARGO_HTTP_SSL_VERSION: 'sslv3',
    CARGO_HTTP_CHECK_REVOKE: 'false',
    CARGO_NET_GIT_FETCH_WITH_CLI: 'true',
  };
  const elsewhere = { CARGO_REGISTRIES_OWN_INDEX: 'sparse+https://other.invalid/' };
  const of = (env: Record<string, string>, access = OWN) => fetchVariables(env, { env }, access);
  assert.deepEqual(of({ ...kept, ...leading }), kept);
  assert.deepEqual(of(elsewhere), {});
  const { HOME: _, ...others } = leading;
  assert.deepEqual(of({ ...kept, ...leading }, NO_TOKENS), { ...kept, ...others });
  assert.deepEqual(of(elsewhere, NO_TOKENS), elsewhere);
  // What the build sets itself is not the project's.
  assert.deepEqual(fetchVariables(leading, { env: {} }, OWN), leading);
});

for (const [flags, kept] of [
  ['--cfg a --cfg=b -C panic=abort -Cpanic=abort --codegen=panic=abort', undefined],
  ['-C target-feature=+crt-static -Ctarget-cpu=x', undefined],
  ['--sysroot /sysroot/usr', undefined],
  ['--sysroot /job/project/own --sysroot=/job/project/own --sysroot=own --sysroot=/usr/../job/project', ''],
  ['-C linker=x -Clinker=x -Zcodegen-backend=x.so -C llvm-args=-load=x.so -O -g --emit asm', ''],
  // The value of an option is none itself.
  ['-C --cfg --cfg -C', '--cfg -C'],
  ['--cfg', ''],
] as const) {
  test(`of the flags ${flags}`, () => {
    assert.equal(conditionFlags(flags.split(' ')).join(' '), kept ?? flags);
  });
}

const HOSTILE = `include = "bad.toml"
[env]
LD_PRELOAD = "/job/project/bad.so"
[build]
rustc = "./bad"
rustc-wrapper = "./bad"
target = "x"
rustflags = ["--cfg", "a", "-Clinker=./bad"]
[target.x]
runner = "./bad"
rustflags = "--cfg b -Zcodegen-backend=./bad.so"
[target.'cfg(unix)']
linker = "./bad"
[credential-alias]
own = "./bad"
[unstable]
host-config = true
target-applies-to-host = true
[host]
rustflags = ["-Zcodegen-backend=./bad.so"]
[host.x]
linker = "./bad"
[registry]
global-credential-providers = ["./bad"]
[registries.own]
index = "sparse+https://own.invalid/"
credential-provider = "./bad"
[net]
retry = 0
[source.crates-io]
replace-with = "own"
`;

/** The configuration without all of that. */
const CLEAN = {
  build: { target: 'x', rustflags: ['--cfg', 'a'] },
  target: { x: { rustflags: ['--cfg', 'b'] }, 'cfg(unix)': {} },
  unstable: { 'host-config': true, 'target-applies-to-host': true },
  registry: {},
  registries: { own: { index: 'sparse+https://own.invalid/' } },
  net: { retry: 0 },
  source: { 'crates-io': { 'replace-with': 'own' } },
};

async function coversOf(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  links: Readonly<Record<string, string>> = {},
  crate = '',
  access = NO_TOKENS,
) {
  const folder = temporaryFolder(t, 'provision covers ü ');
  const view = { project: join(folder, 'project'), crates: join(folder, 'crates') };
  mkdirSync(join(view.project, crate), { recursive: true });
  put(view.project, files);
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(view.project, name));
  const project = { root: '/own', folder: join('/own', crate) } as Project;
  const covers = await fetchConfigurations(view, project, access);
  assert.ok(covers.ok);
  return covers.value.map((mount) => {
    assert.equal(mount.kind, 'source');
    return { at: mount.at, file: (name: string) => readFileSync(join(mount.source, name), 'utf8') };
  });
}

test('a configuration loses what it could start, and keeps where crates come from', async (t) => {
  const [cover, ...more] = await coversOf(t, { '.cargo/config.toml': HOSTILE, '.cargo/vendor/a': 'kept' });
  assert.equal(more.length, 0);
  assert.equal(cover?.at, '/job/project/.cargo');
  assert.equal(cover.file('vendor/a'), 'kept');
  assert.equal(cover.file('config.toml'), formatToml(CLEAN));
  assert.deepEqual(withoutPrograms(CLEAN), CLEAN);
});

const LEADING = `[http]
proxy = "http://other.invalid"
cainfo = "ca.pem"
ssl-version = "sslv3"
timeout = 5
[net]
retry = 0
git-fetch-with-cli = true
[net.ssh]
known-hosts = ["x"]
[registries.own]
index = "sparse+https://other.invalid/"
[registries.other]
index = "sparse+https://other.invalid/"
`;

test('where there are tokens, a configuration loses what could lead them elsewhere', async (t) => {
  const files = { '.cargo/config.toml': LEADING };
  const [cover] = await coversOf(t, files, {}, '', OWN);
  assert.deepEqual(JSON.parse(JSON.stringify(parseToml(cover?.file('config.toml') ?? ''))).value, {
    http: { timeout: 5 },
    net: { retry: 0 },
    registries: { own: {}, other: { index: 'sparse+https://other.invalid/' } },
  });
  assert.deepEqual(await coversOf(t, files), []);
  const right = '[registries.own]\nindex = "sparse+https://own.invalid"\n';
  assert.deepEqual(await coversOf(t, { '.cargo/config.toml': right }, {}, '', OWN), []);
});

test('what does not count for tokens is named once for each place, and only where there are tokens', () => {
  const table = parseToml(LEADING);
  assert.ok(table.ok);
  const cargo = {
    inner: [{ file: '/own/.cargo/config.toml', table: table.value }],
  } as unknown as CargoConfiguration;
  const project = { env: { CARGO_HTTP_PROXY: 'http://other.invalid', CARGO_NET_RETRY: '0' } };
  const messages = transportNotices(cargo, project, OWN).map(({ message }) => message);
  assert.equal(messages.length, 2);
  assert.match(
    messages[0] as string,
    /^Of \/own\/\.cargo\/config\.toml, .* `http\.proxy`, `http\.cainfo`, `http\.ssl-version`, `net\.git-fetch-with-cli`, `net\.ssh`, `registries\.own\.index`: .*`CARGO_REGISTRIES_OWN_TOKEN`/,
  );
  assert.match(messages[1] as string, /^Of `project\.env`, .* `CARGO_HTTP_PROXY`: /);
  assert.deepEqual(transportNotices(cargo, project, NO_TOKENS), []);
});

test('a configuration with nothing to start is left alone', async (t) => {
  assert.deepEqual(await coversOf(t, { '.cargo/config.toml': '[net]\nretry = 0\n' }), []);
  assert.deepEqual(await coversOf(t, { 'src/main.rs': '' }), []);
});

for (const [name, files, links, crate, at] of [
  ['of a member', { 'a/b/.cargo/config': HOSTILE }, {}, 'a/b', ['/job/project/a/b/.cargo']],
  [
    'of a member and of the workspace',
    { 'a/.cargo/config.toml': HOSTILE, '.cargo/config.toml': HOSTILE },
    {},
    'a',
    ['/job/project/a/.cargo', '/job/project/.cargo'],
  ],
  ['behind a link', { 'real/config.toml': HOSTILE }, { '.cargo': 'real' }, '', ['/job/project/real']],
  [
    'behind a link by its path in the sandbox',
    { 'real/config.toml': HOSTILE },
    { '.cargo': '/job/project/other', other: '../project/real' },
    '',
    ['/job/project/real'],
  ],
  [
    'as a link',
    { 'real.toml': HOSTILE, '.cargo/other': '' },
    { '.cargo/config.toml': '/job/project/real.toml' },
    '',
    ['/job/project/.cargo'],
  ],
  ['that is no TOML', { '.cargo/config.toml': '[env\n' }, {}, '', ['/job/project/.cargo']],
  [
    'that is a link to elsewhere',
    { '.cargo/other': '' },
    { '.cargo/config.toml': '/job/target/config.toml' },
    '',
    ['/job/project/.cargo'],
  ],
] as const) {
  test(`a configuration ${name} is covered where it is`, async (t) => {
    const covers = await coversOf(t, files, links, crate);
    assert.deepEqual(
      covers.map((cover) => cover.at),
      at,
    );
  });
}
