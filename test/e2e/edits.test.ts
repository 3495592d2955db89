// A line of a crate is edited: what cannot have changed is not done again, and the bytes are those of a clean build.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

const FILES = {
  'crate/Cargo.toml':
    '[package]\nname = "edits"\nversion = "0.1.0"\nedition = "2021"\nlicense = "MIT"\n[dependencies]\npart = {path = "part"}\n',
  'crate/Cargo.lock':
    'version = 4\n\n[[package]]\nname = "edits"\nversion = "0.1.0"\ndependencies = [\n "part",\n]\n\n[[package]]\nname = "part"\nversion = "0.2.0"\n',
  'crate/LICENSE': 'first licence\n',
  'crate/part/Cargo.toml': '[package]\nname = "part"\nversion = "0.2.0"\nedition = "2021"\n',
  'crate/part/src/lib.rs': 'pub fn said() -> &\'static str { "1" }\n',
  'samples/one.py': 'print(1)\n',
  'provision.yaml':
    'schema: 1\nextends: x86_64\npython: {from: packages}\nproject: {path: crate}\nsamples: {path: samples}\n',
};

const main = (edit: string): string =>
  `fn main() {\n    std::hint::black_box("${edit}");\n    println!("{}", part::said());\n}\n`;

interface Run {
  readonly log: string;
  /** Of the bundle. */
  readonly digest: string;
  readonly documents: string;
}

async function run(cwd: string): Promise<Run> {
  const artifacts = join(cwd, 'artifacts');
  const args = ['run', 'provision.yaml', '--artifacts', artifacts];
  const ran = await provision(args, { cwd, store: SHARED_STORE, timeoutMs: 600_000 });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  const text = (...path: string[]): string => readFileSync(join(artifacts, ...path), 'utf8');
  return {
    log: text('logs', 'build.log'),
    digest: (JSON.parse(text('report.json')) as { bundle: { digest: string } }).bundle.digest,
    documents: text('sbom.spdx.json'),
  };
}

/** Removes every program of the crate from the store. */
function forgetPrograms(cwd: string): void {
  const builds = join(SHARED_STORE, 'builds');
  for (const name of readdirSync(builds)) {
    const { inputs } = JSON.parse(readFileSync(join(builds, name, 'entry.json'), 'utf8'));
    if (inputs.what === 'program' && inputs.bin === 'edits') rmSync(join(builds, name), { recursive: true });
  }
  rmSync(join(cwd, 'artifacts'), { recursive: true, force: true });
}

test('an edited line lists no crates and compiles no C of ours, and gives the bytes of a clean build', async (t) => {
  const cwd = join(temporaryFolder(t), 'edits');
  const stamp = String(Date.now());
  put(cwd, { ...FILES, 'crate/src/main.rs': main(`${stamp} a`) });
  const first = await run(cwd);
  assert.match(first.log, /^\$ cargo metadata /m);

  put(cwd, { 'crate/src/main.rs': main(`${stamp} b`) });
  const edited = await run(cwd);
  assert.match(edited.log, /Compiling edits /);
  assert.doesNotMatch(edited.log, /cargo metadata|clang[^\n]* -c |Compiling part /);
  assert.notEqual(edited.digest, first.digest);
  assert.equal(edited.documents, first.documents);

  // In another place, where nothing of it was ever built.
  const other = join(temporaryFolder(t), 'edits');
  cpSync(cwd, other, { recursive: true });
  forgetPrograms(other);
  const clean = await run(other);
  assert.match(clean.log, /Compiling part [\s\S]*Compiling edits /);
  assert.match(clean.log, /cargo metadata/);
  assert.equal(clean.digest, edited.digest);

  put(cwd, { 'crate/LICENSE': 'second licence\n' });
  const licensed = await run(cwd);
  assert.match(licensed.log, /cargo metadata/);
  // The licences of crates are in the bundle.
  assert.notEqual(licensed.digest, edited.digest);
});
