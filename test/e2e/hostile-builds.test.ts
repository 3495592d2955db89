// What code of a project can reach while it is fetched for, compiled, tested and run: docs/security.md has the table.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CARGO_HOME_VOLUMES } from '../../src/build/cargo-home.ts';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { startCrateRegistry } from '../support/crate-registry.ts';
import { engineMissing, startEngine } from '../support/dockerd.ts';
import {
  type Aim,
  type FetchAttack,
  fetchAttacks,
  fetchedCrate,
  hostileCrate,
  hostileLibrary,
  hostileProgram,
  hostileSample,
  LIBRARY,
} from '../support/hostile-crate.ts';
import { parseXml } from '../support/xml.ts';

interface Victims {
  readonly place: string;
  readonly aim: Aim;
  readonly process: ChildProcess;
  /** Connections to this machine's loopback. */
  readonly connections: () => number;
  /** What an attempt has left, if any has. */
  readonly harm: () => readonly string[];
}

/** Files, a server and a process of this machine. */
async function victims(t: TestContext): Promise<Victims> {
  const place = temporaryFolder(t, 'provision hostile ü ');
  const canary = join(place, 'canary');
  writeFileSync(canary, 'alive');
  const others = join(SHARED_STORE, 'volumes', 'target-of-another');
  mkdirSync(others, { recursive: true });
  const taken = join(SHARED_STORE, 'trees', 'taken');
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  const process = spawn('sleep', ['600'], { stdio: 'ignore' });
  t.after(() => process.kill());
  const harm = () => [
    ...(readFileSync(canary, 'utf8') === 'alive' ? [] : ['canary']),
    ...readdirSync(others),
    ...(existsSync(taken) ? ['trees'] : []),
    ...(connections === 0 ? [] : ['network']),
    ...((process.exitCode ?? process.signalCode) === null ? [] : ['process']),
  ];
  return {
    ...{ place, process, connections: () => connections, harm },
    aim: {
      files: [canary, join(others, 'taken'), taken],
      port: (server.address() as { port: number }).port,
      process: process.pid as number,
    },
  };
}

const TOKEN = { CARGO_REGISTRIES_OWN_TOKEN: 'not-for-builds' };

test('outside of a sandbox the same attempts reach all of it', async (t) => {
  const { place, aim, process, connections, harm } = await victims(t);
  writeFileSync(join(place, 'control.rs'), hostileProgram(aim));
  const control = join(place, 'control');
  const compiled = spawnSync('rustc', ['--edition=2021', '-o', control, `${control}.rs`], {
    encoding: 'utf8',
  });
  assert.equal(compiled.status, 0, compiled.stderr);
  const ran = spawnSync(control, { encoding: 'utf8', env: { ...globalThis.process.env, ...TOKEN } });
  assert.match(ran.stdout, /^tried by control: .*canary .*127\.0\.0\.1.* kill .*process.* token$/m);
  await new Promise((done) => setTimeout(done, 100));
  assert.equal(connections(), 1);
  assert.equal(process.signalCode, 'SIGKILL');
  assert.deepEqual(harm(), ['canary', 'taken', 'trees', 'network', 'process']);
  for (const file of aim.files.slice(1)) rmSync(file);
});

const ALL = process.env.PROVISION_TEST_ALL === '1';

/** With PROVISION_TEST_ALL=1 in a container engine, too. */
const PRODUCTS = ['namespace', ...(ALL ? (['dockerd', 'podman'] as const) : [])] as const;

for (const product of PRODUCTS) {
  const missing = product === 'namespace' ? undefined : engineMissing(product);
  test(`${product}: what fetches, a build script, a macro, a wrapper, a test and a program reach nothing outside of their own build`, {
    skip: missing === undefined ? false : missing,
  }, async (t) => {
    const { place, aim, harm } = await victims(t);
    const crate = join(place, 'crate');
    put(crate, hostileCrate(aim));
    chmodSync(join(crate, 'wrapper'), 0o755);
    const main = readFileSync(join(crate, 'src/main.rs'), 'utf8');
    const engine = await engineOf(t, product);

    const ran = await provision(['run', '--engine', engine, '--no-host'], {
      ...{ cwd: crate, store: SHARED_STORE, env: TOKEN },
    });

    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    const logs = join(crate, 'artifacts/aarch64/logs');
    const said = ['build.log', 'cargo-test.log']
      .map((name) => readFileSync(join(logs, name), 'utf8'))
      .join('');
    // All of them tried, the program too: the recipe has its words.
    for (const who of ['build.rs', 'macro', 'wrapper', 'test']) {
      assert.match(said, new RegExp(`tried by ${who}: nothing reached`), who);
    }
    assert.doesNotMatch(said, /tried by [\w.]+: (?!nothing reached)/);
    // Where crates are fetched, with network, none of them is started or loaded.
    const fetches = said.match(/^\$ cargo fetch [\s\S]*?^→ exit status 0$/gm) ?? [];
    assert.ok(fetches.length >= 2, said);
    for (const fetched of fetches) assert.doesNotMatch(fetched, /tried by|not-loaded/);
    assert.match(said, /not-loaded/);
    assert.equal(readFileSync(join(crate, 'src/main.rs'), 'utf8'), main);
    assert.deepEqual(harm(), []);
  });
}

/** A crate with an attempt on the step that fetches crates. */
function attacked(folder: string, aim: Aim, { files }: FetchAttack): void {
  put(folder, { ...fetchedCrate(aim), ...files });
  for (const name of ['own/wrapper', 'own/bin/rustc']) chmodSync(join(folder, name), 0o755);
  const source = join(folder, 'own', 'library.rs');
  writeFileSync(source, hostileLibrary(aim));
  const compiled = spawnSync(
    'rustc',
    ['--edition=2021', '--crate-type=cdylib', '-o', join(folder, LIBRARY), source],
    { encoding: 'utf8' },
  );
  assert.equal(compiled.status, 0, compiled.stderr);
}

const HOST_TARGET = 'x86_64-unknown-linux-gnu';

test("outside of the step that fetches crates, the same attempts on cargo's way to fetch are started or loaded", async (t) => {
  const { place, aim, connections } = await victims(t);
  const folder = join(place, 'crate');
  t.after(() => {
    for (const file of aim.files.slice(1)) rmSync(file, { force: true });
  });
  for (const attack of fetchAttacks(folder, HOST_TARGET, 64)) {
    rmSync(folder, { recursive: true, force: true });
    attacked(folder, aim, attack);
    const before = connections();
    const { PATH = '', ...env } = attack.env ?? {};
    // Not rustup's stand-in: it would look for its own programs first.
    const cargo = spawnSync('rustup', ['which', 'cargo'], { encoding: 'utf8' }).stdout.trim() || 'cargo';
    const path = [PATH, ...(cargo.includes('/') ? [dirname(cargo)] : []), process.env.PATH].filter(Boolean);
    const ran = spawnSync(cargo, ['fetch', '--target', HOST_TARGET], {
      ...{ cwd: folder, encoding: 'utf8' },
      env: { ...process.env, RUSTUP_TOOLCHAIN: undefined, ...env, PATH: path.join(':') },
    });
    await new Promise((done) => setTimeout(done, 100));
    assert.ok(connections() > before, `${attack.name}: ${ran.stdout}${ran.stderr}`);
  }
});

test('where crates are fetched, with network, nothing of the project is started or loaded', async (t) => {
  const { place, aim, harm } = await victims(t);
  const folder = join(place, 'crate');
  const attacks = fetchAttacks('/job/project', HOST_TARGET, '64');
  for (const attack of ALL ? attacks : attacks.filter(({ name }) => /PATH|host|file/.test(name))) {
    rmSync(folder, { recursive: true, force: true });
    attacked(folder, aim, attack);
    const env = JSON.stringify(attack.env ?? {});
    put(folder, { 'provision.yaml': `schema: 1\nextends: aarch64\nproject: {bin: tried, env: ${env}}\n` });
    const ran = await provision(['exec', '--', 'true'], { cwd: folder, store: SHARED_STORE, env: TOKEN });
    const told = `${attack.name}: ${ran.stdout}${ran.stderr}`;
    assert.deepEqual(harm(), [], told);
    assert.ok([0, 4].includes(ran.status as number), told);
    for (const [, volume] of CARGO_HOME_VOLUMES)
      assert.equal(existsSync(join(SHARED_STORE, 'volumes', volume, 'taken')), false, told);
  }
});

test('where cargo is asked for newer crates and locks them, with network, neither is anything', async (t) => {
  const { place, aim, harm } = await victims(t);
  const { index, checksum } = await startCrateRegistry(t, { newer: ['1.1.0'] });
  put(join(place, 'home'), { 'config.toml': `[registries.own]\nindex = "${index}"\n` });
  const folder = join(place, 'crate');
  const attacks = fetchAttacks('/job/project', HOST_TARGET, '64');
  for (const attack of ALL ? attacks : attacks.filter(({ name }) => /rustc`|PATH|file/.test(name))) {
    rmSync(folder, { recursive: true, force: true });
    attacked(folder, aim, attack);
    const manifest = readFileSync(join(folder, 'Cargo.toml'), 'utf8');
    const env = JSON.stringify(attack.env ?? {});
    put(folder, {
      'Cargo.toml': `${manifest}\n[dependencies]\nleaf = { version = "1", registry = "own" }\n`,
      'Cargo.lock': `version = 4\n\n[[package]]\nname = "leaf"\nversion = "1.0.0"\nsource = "${index}"\nchecksum = "${checksum}"\n\n[[package]]\nname = "tried"\nversion = "0.1.0"\ndependencies = [\n "leaf",\n]\n`,
      'provision.yaml': `schema: 1\nextends: x86_64\npython: {from: packages}\nproject: {bin: tried, env: ${env}}\n`,
    });
    // Only the version is newer there, not the file: the builds after it fail, and the lock is put back.
    const ran = await provision(['upgrade', '--json'], {
      ...{ cwd: folder, store: SHARED_STORE },
      env: { ...TOKEN, CARGO_HOME: join(place, 'home') },
    });
    const told = `${attack.name}: ${ran.stdout}${ran.stderr}`;
    assert.deepEqual(harm(), [], told);
    const logs = join(folder, 'artifacts', 'x86_64', 'logs');
    const said = ['outdated-crates.log', 'upgrade-crates.log'].map((name) => {
      const log = join(logs, name);
      return existsSync(log) ? readFileSync(log, 'utf8') : '';
    });
    assert.match(said[0] ?? '', /cargo update --dry-run/, told);
    assert.doesNotMatch(said.join(''), /tried by/);
    for (const [, volume] of CARGO_HOME_VOLUMES)
      assert.equal(existsSync(join(SHARED_STORE, 'volumes', volume, 'taken')), false, told);
  }
});

async function engineOf(t: TestContext, product: (typeof PRODUCTS)[number]): Promise<string> {
  if (product === 'namespace') return product;
  const under = await startEngine(product);
  t.after(() => under.remove());
  return `docker:unix://${under.socket}`;
}

interface Report {
  readonly samples: readonly {
    readonly name: string;
    readonly status: string;
    readonly target?: { readonly exit: { readonly status?: number } };
  }[];
}

test('a sample reaches nothing, and what it prints reaches no terminal, log of commands, page or document', async (t) => {
  const { place, aim, harm } = await victims(t);
  const attempts = `${hostileSample(aim)}raise SystemExit(len(reached))\n`;
  const prints = `import os
for text in ${JSON.stringify(ESCAPES)}:
    # Differs from the reference, so that all of it is shown.
    print(text, os.urandom(8).hex())
`;
  put(place, {
    'provision.yaml': `schema: 1\nextends: x86_64\npython: {from: packages}\nproject: {path: ${JSON.stringify(join(REPOSITORY, 'runner'))}}\nsamples: {path: samples}\nhost: false\n`,
    'samples/attempts.py': attempts,
    'samples/prints.py': prints,
  });
  const summary = join(place, 'summary.md');
  const ran = await provision(['run'], {
    ...{ cwd: place, store: SHARED_STORE },
    env: { ...TOKEN, GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary },
  });
  assert.equal(ran.status, 7, ran.stdout + ran.stderr);
  const artifacts = join(place, 'artifacts/x86_64');
  const { samples } = JSON.parse(readFileSync(join(artifacts, 'report.json'), 'utf8')) as Report;
  assert.deepEqual(
    samples.map(({ name, status, target }) => [name, status, target?.exit.status]),
    [
      ['attempts', 'passed', 0],
      ['prints', 'failed', 0],
    ],
  );
  assert.deepEqual(harm(), []);
  const said = ran.stdout + ran.stderr;
  // The difference is shown, so that there is something to be shown wrongly.
  assert.match(said, /add-mask::own/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  assert.doesNotMatch(said, /[\x00-\x08\x0b-\x1f\x7f\x9b]/);
  assert.doesNotMatch(said, /##\[|^\s*::(?:add-mask::own|stop-commands|set-env)/m);
  const page = await provision(['report'], { cwd: place, store: SHARED_STORE });
  assert.equal(page.status, 0, page.stderr);
  for (const file of readdirSync(join(place, 'artifacts'), { recursive: true, encoding: 'utf8' })) {
    if (!/\.(?:html|md|xml)$/.test(file)) continue;
    const text = readFileSync(join(place, 'artifacts', file), 'utf8');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    assert.doesNotMatch(text, /<img src=x|<script>alert|[\x00-\x08\x0b\x0c\x0e-\x1f]/, file);
    if (file.endsWith('.xml')) parseXml(text);
  }
  assert.doesNotMatch(readFileSync(summary, 'utf8'), /<img src=x|<script>alert/);
  assert.ok(!readFileSync(summary, 'utf8').includes('\u001b'));
});

/** For a terminal: title, erased screen, hidden text, clipboard; for GitHub's log; for a page; for XML. */
const ESCAPES = [
  '\u001b]0;title\u0007\u001b[2J\u001b[8mhidden\u001b]52;c;b3du\u0007\u009b31m',
  '::add-mask::own',
  '::stop-commands::own',
  '\r::set-env name=own::own',
  '##[error]own',
  '</script><script>alert(1)</script><img src=x onerror=alert(1)>',
  ']]></system-out><testcase name="own"/>',
  '```\n<img src=x>\n| a | b |',
];
