// Cargo's own words when crates cannot be fetched; test/e2e/crate-fetching.test.ts recorded them, but for a path, which is found before, and the full disk: that is
// `unshare -Urm sh -c 'mount -t tmpfs -o size=40k none /mnt && CARGO_HOME=/mnt cargo fetch'`.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { explainFetch } from '../../src/build/fetch-failure.ts';
import type { Crate } from '../../src/domain/crate.ts';
import { defined } from '../../src/domain/defined.ts';
import type { Failure } from '../../src/failure.ts';

const HERE = join(import.meta.dirname, 'fetch');
const CRATE = { root: '/home/me/crate' } as Crate;

const CODES: Readonly<Record<string, string>> = {
  'no-space': 'store/no-space',
  'no-space-unpacking': 'store/no-space',
  'index-401': 'fetch/crates-credentials',
  'config-401': 'fetch/crates-credentials',
  'download-403': 'fetch/crates-credentials',
  'token-missing': 'fetch/crates-credentials',
  'no-crate': 'build/crate-not-in-registry',
  'no-version': 'build/crate-not-in-registry',
  'download-404': 'fetch/crates-missing-file',
  'download-503': 'fetch/crates-server',
  damaged: 'fetch/crates-checksum',
  certificate: 'fetch/crates-certificate',
  'certificate-name': 'fetch/crates-certificate',
  'certificate-expired': 'fetch/crates-certificate',
  'certificate-not-yet': 'fetch/crates-certificate',
  'git-certificate-name': 'fetch/crates-certificate',
  'git-certificate-expired': 'fetch/crates-certificate',
  refused: 'fetch/crates-network',
  'no-name': 'fetch/crates-network',
  proxy: 'fetch/crates-network',
  'not-configured': 'fetch/crates-registry',
  'no-path': 'build/no-crate-path',
  stale: 'build/stale-cargo-lock',
  'other-checksum': 'fetch/crates-checksum',
  offline: 'fetch/crates',
  'git-refused': 'fetch/crates-network',
  'git-no-name': 'fetch/crates-network',
  'lock-format': 'recipe/newer-cargo-lock',
  'lock-field': 'recipe/bad-cargo-lock',
  'lock-twice': 'recipe/bad-cargo-lock',
  'git-revision': 'build/no-git-revision',
  'git-branch': 'build/no-git-revision',
};

function explained(output: string, rust?: 'host'): Failure {
  const failure: Failure = {
    code: 'fetch/crates',
    what: 'Fetching the crates failed: `cargo` ended with exit status 101.',
    fix: ['Run the same command again: what is fetched is kept.'],
    evidence: output.trimEnd().split('\n'),
  };
  return explainFetch(failure, { crate: CRATE, recipe: defined({ rust }) });
}

test('every recorded failure has its code', () => {
  assert.deepEqual(
    readdirSync(HERE)
      .map((file) => file.replace('.txt', ''))
      .sort(),
    Object.keys(CODES).sort(),
  );
});

for (const [name, code] of Object.entries(CODES)) {
  test(`${name} is ${code}`, () => {
    const failure = explained(readFileSync(join(HERE, `${name}.txt`), 'utf8'));
    assert.equal(failure.code, code);
    for (const text of [failure.what, failure.why ?? '', ...failure.fix]) {
      assert.doesNotMatch(text, /\{\w+\}|``|\/job\//);
      assert.doesNotMatch(text, /Check the network/);
    }
  });
}

function recorded(name: string): string {
  return readFileSync(join(HERE, `${name}.txt`), 'utf8');
}

test('a certificate for another name, one of another time and one that is not trusted are told apart', () => {
  const what = (name: string) => explained(recorded(name)).what;
  for (const name of ['certificate-name', 'git-certificate-name'])
    assert.match(what(name), /for another name than the one that was asked for, 127\.0\.0\.1\.$/);
  for (const name of ['certificate-expired', 'certificate-not-yet', 'git-certificate-expired'])
    assert.match(what(name), /has expired, or is not valid yet\.$/);
  assert.match(what('certificate'), /is not trusted\.$/);
});

test("the variable of a registry's index has the registry's name, as cargo writes it", () => {
  const { fix } = explained(recorded('not-configured').replace('`own`', '`my-own`'));
  assert.match(fix.join(' '), /`\[registries\.my-own\]`.* `CARGO_REGISTRIES_MY_OWN_INDEX`/);
});

test('a server of git that cannot be reached is named with the crate, and without a login', () => {
  assert.match(
    explained(recorded('git-refused')).what,
    /the crate leaf is taken from cannot be reached: http:\/\/127\.0\.0\.1:9\/leaf\.git\.$/,
  );
  assert.match(explained(recorded('git-no-name')).what, /: https:\/\/git\.invalid\/leaf\.git\.$/);
});

test('what cargo does not take of a lock is at its line of the own file', () => {
  const { what, at, evidence } = explained(recorded('lock-field'));
  assert.match(what, /missing field `version`/);
  assert.deepEqual(at, { file: '/home/me/crate/Cargo.lock', line: 7, column: 1, text: '[[package]]' });
  assert.equal(evidence, undefined);
  assert.match(
    explained(recorded('lock-twice')).what,
    /specified twice .*\(\/home\/me\/crate\/Cargo\.lock\)/,
  );
});

test('of a lock in a newer format only ways out are named that are some', () => {
  const fix = (rust?: 'host') => explained(recorded('lock-format'), rust).fix.join(' ');
  assert.match(fix(), /`rust: host`.*`cargo generate-lockfile`/);
  assert.match(fix('host'), /^`cargo generate-lockfile`/);
  assert.doesNotMatch(fix() + fix('host'), /rust: next|Run the same command/);
});

test('what nobody knows stays what it was', () => {
  assert.equal(explained('error: something else').code, 'fetch/crates');
});
