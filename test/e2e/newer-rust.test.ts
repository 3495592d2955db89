// A crate that the lock names needs a newer Rust than the toolchain that is taken first: another one is taken, by itself.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { appendFileSync, cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { recipe } from '../support/cured-crate.ts';

const CRATE = join(REPOSITORY, 'test', 'crates', 'wants', 'newer-rust');

test('cargo refuses the older Rust, and the same run goes on with the newer one; the next begins with it', async (t) => {
  const cwd = join(temporaryFolder(t, 'provision rust ü '), 'crate');
  cpSync(CRATE, cwd, { recursive: true });
  // What is known of other copies is not of this one.
  appendFileSync(join(cwd, 'Cargo.toml'), `# ${randomUUID()}\n`);
  put(cwd, { 'provision.yaml': recipe('x86_64', 'python: {from: packages}\n') });
  const run = () => provision(['run'], { cwd, store: SHARED_STORE, timeoutMs: 20 * 60_000 });
  const first = await run();
  assert.equal(first.status, 0, first.stdout + first.stderr);
  const said = first.stdout.replaceAll(/\s+/g, ' ');
  assert.match(
    said,
    /Rust 1\.97 of the toolchain image llvm-next is taken\. home 0\.5\.12, which Cargo\.lock names, asks for Rust 1\.88/,
  );
  const report = () =>
    JSON.parse(readFileSync(join(cwd, 'artifacts', 'x86_64', 'report.json'), 'utf8')) as Report;
  assert.deepEqual(report().blockers, []);
  assert.equal(report().status, 'passed');
  const plan = await provision(['plan'], { cwd, store: SHARED_STORE });
  assert.match(plan.stdout, /llvm-next/);
  const second = await run();
  assert.equal(second.status, 0, second.stderr);
  assert.doesNotMatch(second.stdout + second.stderr, /requires rustc/);
  assert.deepEqual(
    report().stages.filter(({ name, outcome }) => name === 'build' && outcome !== 'hit'),
    [],
    'nothing is made again',
  );
});
