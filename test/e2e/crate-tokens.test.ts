// Where the token of a registry goes while crates are fetched: the toolchain's cargo, a registry that wants a token, and a
// proxy that reads what it passes on.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CliRun, provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import {
  type CrateRegistry,
  type HeardRequest,
  type HttpProxy,
  startCrateRegistry,
  startProxy,
} from '../support/crate-registry.ts';

const TOKEN = 'let-me-in';

interface Place {
  /** Lines of the project's `.cargo/config.toml`, of cargo's home, and below `project` of the recipe. */
  readonly project?: string;
  readonly home?: string;
  readonly recipe?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  /** A second registry that the lock names. */
  readonly other?: CrateRegistry;
}

async function fetchIn(t: TestContext, registry: CrateRegistry, place: Place): Promise<CliRun> {
  const folder = temporaryFolder(t, 'provision tokens ü ');
  const { other } = place;
  const locked = [registry, ...(other === undefined ? [] : [other])].map(
    ({ index, checksum }) =>
      `[[package]]\nname = "leaf"\nversion = "1.0.0"\nsource = "${index}"\nchecksum = "${checksum}"\n`,
  );
  const sources =
    other === undefined ? [' "leaf",'] : [registry, other].map(({ index }) => ` "leaf 1.0.0 (${index})",`);
  put(join(folder, 'crate'), {
    'Cargo.toml': `[package]\nname = "tried"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nleaf = { version = "1.0.0", registry = "own" }\n${other === undefined ? '' : `more = { version = "1.0.0", package = "leaf", registry-index = "${other.index}" }\n`}`,
    'Cargo.lock': `version = 4\n\n${locked.join('\n')}\n[[package]]\nname = "tried"\nversion = "0.1.0"\ndependencies = [\n${sources.join('\n')}\n]\n`,
    'src/main.rs': 'fn main() {}\n',
    'provision.yaml': `schema: 1\nextends: aarch64\n${place.recipe ?? ''}`,
    '.cargo/config.toml': place.project ?? '',
    ...place.files,
  });
  put(join(folder, 'home'), {
    'config.toml': `[net]\nretry = 0\n[registries.own]\nindex = "${registry.index}"\n${place.home ?? ''}`,
  });
  return provision(['exec', '--', 'true'], {
    cwd: join(folder, 'crate'),
    store: SHARED_STORE,
    env: { CARGO_HOME: join(folder, 'home'), no_proxy: '', NO_PROXY: '', ...place.env },
  });
}

function fetched(requests: readonly HeardRequest[]): boolean {
  return requests.some(({ path }) => path.endsWith('/files/leaf-1.0.0.crate'));
}

const WITH_TOKEN = { CARGO_REGISTRIES_OWN_TOKEN: TOKEN };
const throughProxy = ({ address }: HttpProxy): string => `[http]\nproxy = "${address}"\n`;

for (const [name, of] of [
  ['.cargo/config.toml', (proxy: HttpProxy): Place => ({ project: throughProxy(proxy) })],
  [
    'project.env',
    ({ address }: HttpProxy): Place => ({ recipe: `project: {env: {CARGO_HTTP_PROXY: "${address}"}}\n` }),
  ],
  [
    'a file of git in a HOME of its own',
    ({ address }: HttpProxy): Place => ({
      recipe: 'project: {env: {HOME: "/job/project/of-git"}}\n',
      files: { 'of-git/.gitconfig': `[http]\n\tproxy = ${address}\n` },
    }),
  ],
] as const) {
  test(`a proxy of a project (${name}) gets no token, and the crates come without it`, async (t) => {
    const registry = await startCrateRegistry(t, { token: TOKEN });
    const proxy = await startProxy(t);
    const ran = await fetchIn(t, registry, { ...of(proxy), env: WITH_TOKEN });
    assert.equal(ran.status, 0, ran.stderr);
    assert.deepEqual(proxy.requests, []);
    assert.ok(fetched(registry.requests), ran.stderr);
    assert.match(ran.stderr, /fetching the crates does not take `(?:http\.proxy|CARGO_HTTP_PROXY|HOME)`/);
    assert.match(ran.stderr, /CARGO_REGISTRIES_OWN_TOKEN/);
    assert.doesNotMatch(ran.stderr, /let-me-in/);
  });
}

test("a project's proxy counts where no token is given", async (t) => {
  const registry = await startCrateRegistry(t);
  const proxy = await startProxy(t);
  const ran = await fetchIn(t, registry, { project: throughProxy(proxy), env: {} });
  assert.equal(ran.status, 0, ran.stderr);
  assert.ok(fetched(proxy.requests), ran.stderr);
  assert.doesNotMatch(ran.stderr, /does not take/);
});

for (const [name, of] of [
  ["cargo's home", (proxy: HttpProxy): Place => ({ home: throughProxy(proxy), env: WITH_TOKEN })],
  [
    'the environment',
    ({ address }: HttpProxy): Place => ({ env: { ...WITH_TOKEN, CARGO_HTTP_PROXY: address } }),
  ],
] as const) {
  test(`the user's own proxy (${name}) counts with a token, whatever the project says`, async (t) => {
    const registry = await startCrateRegistry(t, { token: TOKEN });
    const [own, another] = [await startProxy(t), await startProxy(t)];
    const ran = await fetchIn(t, registry, { ...of(own), project: throughProxy(another) });
    assert.equal(ran.status, 0, ran.stderr);
    assert.ok(fetched(own.requests), ran.stderr);
    assert.ok(own.requests.some(({ token }) => token === TOKEN));
    assert.deepEqual(another.requests, []);
  });
}

test("a project cannot give the name of the user's registry to another one that its lock names", async (t) => {
  const registry = await startCrateRegistry(t, { token: TOKEN });
  const other = await startCrateRegistry(t, { wantsToken: true });
  const ran = await fetchIn(t, registry, {
    other,
    project: `[registries.own]\nindex = "${other.index}"\n`,
    env: WITH_TOKEN,
  });
  assert.ok(other.requests.length > 0, ran.stderr);
  assert.deepEqual(
    other.requests.filter(({ token }) => token !== undefined),
    [],
  );
  assert.match(ran.stderr, /does not take `registries\.own\.index`/);
});
