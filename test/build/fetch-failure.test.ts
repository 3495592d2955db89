// Cargo's own words when crates cannot be fetched; test/e2e/crate-fetching.test.ts recorded them, but for a path, which is found before, and the full disk: that is
// `unshare -Urm sh -c 'mount -t tmpfs -o size=40k none /mnt && CARGO_HOME=/mnt cargo fetch'`.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { explainFetch } from '../../src/build/fetch-failure.ts';
import type { Crate } from '../../src/domain/crate.ts';
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
  refused: 'fetch/crates-network',
  'no-name': 'fetch/crates-network',
  proxy: 'fetch/crates-network',
  'not-configured': 'fetch/crates-registry',
  'no-path': 'build/no-crate-path',
  stale: 'build/stale-cargo-lock',
  'other-checksum': 'fetch/crates-checksum',
  offline: 'fetch/crates',
  'git-refused': 'fetch/crates-network',
  'git-revision': 'build/no-git-revision',
  'git-branch': 'build/no-git-revision',
};

function explained(output: string): Failure {
  const failure: Failure = {
    code: 'fetch/crates',
    what: 'Fetching the crates failed: `cargo` ended with exit status 101.',
    fix: ['Run the same command again: what is fetched is kept.'],
    evidence: output.trimEnd().split('\n'),
  };
  return explainFetch(failure, CRATE);
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

test('what nobody knows stays what it was', () => {
  assert.equal(explained('error: something else').code, 'fetch/crates');
});
