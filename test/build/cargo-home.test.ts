import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { cargoHomeScript, commandOnKnown, NOT_KNOWN } from '../../src/build/cargo-home.ts';
import { crateLines } from '../../src/build/sealed-crates.ts';
import { temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

const CRATE = 'registry/cache/index-1/leaf-1.0.0+x.crate';
const SOURCES = 'registry/src/index-1/leaf-1.0.0+x';
const CHECKOUT = 'git/checkouts/beside-1/0123456';
const COMMIT = `0123456${'0'.repeat(33)}`;

const LOCK = `version = 4
[[package]]
name = "own"
version = "0.1.0"
[[package]]
name = "leaf"
version = "1.0.0+x"
source = "registry+https://registry.invalid/index"
checksum = "${createHash('sha256').update('crate').digest('hex')}"
[[package]]
name = "beside"
version = "0.1.0"
source = "git+https://git.invalid/beside?rev=0123456#${COMMIT}"
[[package]]
name = "../../../outside"
version = "1.0.0"
source = "registry+https://registry.invalid/index"
checksum = "${'0'.repeat(64)}"
`;

/** The script, with folders of the test in place of the sandbox's. */
function homeOf(t: TestContext) {
  // The sandbox's paths have no spaces.
  const folder = temporaryFolder(t, 'provision-home-');
  put(folder, { 'cargo/registry/.keep': '', 'seals/.keep': '' });
  const start = (argv: readonly string[], env: NodeJS.ProcessEnv = process.env) => {
    const [program, ...args] = argv.map((word) =>
      word.replaceAll('/job/cargo', join(folder, 'cargo')).replaceAll('/job/seals', join(folder, 'seals')),
    );
    const { status, stdout, stderr } = spawnSync(program as string, args, {
      ...{ input: crateLines(LOCK), encoding: 'utf8', env, cwd: folder },
    });
    return { status, stdout, stderr };
  };
  const step = (name: 'prepare' | 'seal' | 'known') => {
    const { status, stderr } = start(cargoHomeScript(name, 'key'));
    return { status, stderr };
  };
  const write = (files: Readonly<Record<string, string>>) => put(join(folder, 'cargo'), files);
  return {
    folder,
    start,
    step,
    write,
    fetch: () =>
      write({ [CRATE]: 'crate', [`${SOURCES}/src/lib.rs`]: 'fn own() {}', [`${CHECKOUT}/lib.rs`]: '' }),
    has: (path: string) => existsSync(join(folder, 'cargo', path)),
    at: (path: string) => join(folder, 'cargo', path),
  };
}

test('only packages from elsewhere count, and a name that is a path is none', () => {
  const sum = createHash('sha256').update('crate').digest('hex');
  assert.equal(crateLines(LOCK), `crate ${sum} leaf-1.0.0+x\ngit ${COMMIT}\n`);
});

test('crates are known once they were compared, and not before', (t) => {
  const home = homeOf(t);
  assert.equal(home.step('known').status, 1);
  home.fetch();
  assert.equal(home.step('known').status, 1);
  assert.deepEqual(home.step('seal'), { status: 0, stderr: '' });
  assert.equal(home.step('known').status, 0);
  assert.equal(home.step('prepare').status, 0);
  assert.equal(home.step('known').status, 0);
});

for (const [name, damage] of [
  ['a changed source', (home) => home.write({ [`${SOURCES}/src/lib.rs`]: 'fn bad() {}' })],
  ['one more source', (home) => home.write({ [`${SOURCES}/build.rs`]: 'fn main() {}' })],
  ['a missing source', (home) => rmSync(home.at(`${SOURCES}/src/lib.rs`))],
  ['other sources in their place', swapped],
  ['a changed file of the crate', (home) => home.write({ [CRATE]: 'other' })],
  ['a missing file of the crate', (home) => rmSync(home.at(CRATE))],
] as readonly (readonly [string, (home: ReturnType<typeof homeOf>) => void])[]) {
  test(`${name} is noticed, and cargo has to unpack the crate again`, (t) => {
    const home = homeOf(t);
    home.fetch();
    home.step('seal');
    damage(home);
    assert.equal(home.step('known').status, 1);
    assert.deepEqual(home.step('prepare'), { status: 0, stderr: '' });
    assert.deepEqual([home.has(SOURCES), home.has(CHECKOUT)], [false, true]);
    home.fetch();
    assert.equal(home.step('seal').status, 0);
    assert.equal(home.step('known').status, 0);
  });
}

function swapped(home: ReturnType<typeof homeOf>): void {
  home.write({ 'other/src/lib.rs': 'fn own() {}', 'other/build.rs': '' });
  rmSync(home.at(SOURCES), { recursive: true });
  renameSync(home.at('other'), home.at(SOURCES));
}

test('a changed checkout is removed', (t) => {
  const home = homeOf(t);
  home.fetch();
  home.step('seal');
  home.write({ [`${CHECKOUT}/lib.rs`]: 'fn bad() {}' });
  assert.equal(home.step('known').status, 1);
  home.step('prepare');
  assert.deepEqual([home.has(SOURCES), home.has(CHECKOUT)], [true, false]);
});

test('sources that nothing is known of are removed before cargo fetches', (t) => {
  const home = homeOf(t);
  home.write({ [`${SOURCES}/src/lib.rs`]: 'fn planted() {}' });
  home.step('prepare');
  assert.equal(home.has(SOURCES), false);
});

test('a file with another checksum than the lock names is removed, and said', (t) => {
  const home = homeOf(t);
  home.fetch();
  home.write({ [CRATE]: 'other' });
  const { status, stderr } = home.step('seal');
  assert.equal(status, 3);
  assert.match(
    stderr,
    /^leaf-1\.0\.0\+x: its file has the SHA-256 [0-9a-f]{64}, the lock says [0-9a-f]{64}$/m,
  );
  assert.deepEqual([home.has(CRATE), home.has(SOURCES)], [false, false]);
});

test('a command that waits for known crates begins in its own folder and environment, with nothing to read, or not at all', (t) => {
  const home = homeOf(t);
  home.fetch();
  const script = 'pwd; cat; env | sort; echo "$*"; exit 9';
  const { argv, env } = commandOnKnown('key', {
    argv: ['sh', '-c', script, 'sh', 'one two', '$(three)'],
    env: { PATH: '/bin:/usr/bin:/own', LC_ALL: 'C.UTF-8', BASH_ENV: '/nowhere' },
  });
  assert.deepEqual(home.start(argv, env), { status: NOT_KNOWN, stdout: '', stderr: '' });
  home.step('seal');
  const variables = `BASH_ENV=/nowhere\nLC_ALL=C.UTF-8\nPATH=/bin:/usr/bin:/own\nPWD=${home.folder}\n`;
  assert.deepEqual(home.start(argv, env), {
    status: 9,
    stdout: `${home.folder}\n${variables}one two $(three)\n`,
    stderr: '',
  });
  home.write({ [`${SOURCES}/src/lib.rs`]: 'fn bad() {}' });
  assert.deepEqual(home.start(argv, env), { status: NOT_KNOWN, stdout: '', stderr: '' });
});
