import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { knownNeededRust, neededRust, noteNeededRust } from '../../src/build/needed-rust.ts';
import type { Resolved } from '../../src/domain/definitions.ts';
import { resolveForBuild } from '../../src/pipeline/prepare.ts';
import { openStore } from '../../src/store/open.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { value } from '../support/sandboxes.ts';

const REFUSED = `    Updating index
error: rustc 1.85.1 is not supported by the following packages:
  home@0.5.12 requires rustc 1.88
  icu_provider@2.1.1 requires rustc 1.86.0
  home@0.5.12 requires rustc 1.88
Either upgrade rustc or select compatible dependency versions with
\`cargo update <name>@<current-ver> --precise <compatible-ver>\`
`;

test('of what cargo refuses, the newest Rust counts, and who asks for it', () => {
  assert.deepEqual(neededRust(REFUSED), { release: '1.88', by: 'home 0.5.12' });
  assert.deepEqual(
    neededRust(
      'error: rustc 1.85.1 is not supported by the following package:\n  a_b@1.2.3-rc.1+x requires rustc 1.97.0\n',
    ),
    { release: '1.97.0', by: 'a_b 1.2.3-rc.1+x' },
  );
  assert.equal(neededRust('error[E0433]: this requires rustc 1.99\n'), undefined);
  assert.equal(neededRust(''), undefined);
});

interface Project {
  readonly cwd: string;
  readonly store: string;
  resolved(): Promise<Resolved>;
}

function project(t: TestContext, recipe = ''): Project {
  const folder = temporaryFolder(t);
  const [cwd, store] = [join(folder, 'crate'), join(folder, 'store')];
  put(cwd, {
    'Cargo.toml': '[package]\nname = "own"\nversion = "0.1.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 4\n',
    'src/main.rs': 'fn main() {}\n',
    'provision.yaml': `schema: 1\nextends: aarch64\npython: {from: packages}\n${recipe}`,
  });
  const resolved = async () =>
    value(await resolveForBuild({ home: REPOSITORY, cwd, machine: 'x86_64', store }, undefined));
  return { cwd, store, resolved };
}

async function refuse({ store, resolved }: Project, output = REFUSED): Promise<void> {
  await noteNeededRust(value(await openStore(store)), await resolved(), output);
}

test('what a build was refused for decides about the next one, as long as lock and manifest are the same', async (t) => {
  const own = project(t);
  assert.equal((await own.resolved()).toolchain.name, 'llvm', 'there is no store yet');
  await refuse(own);
  const next = await own.resolved();
  assert.equal(next.toolchain.name, 'llvm-next');
  assert.equal(next.rustBecause, 'home 0.5.12, which Cargo.lock names, asks for Rust 1.88 or newer.');
  for (const file of ['Cargo.lock', 'Cargo.toml']) {
    appendFileSync(join(own.cwd, file), '\n');
    assert.equal((await own.resolved()).toolchain.name, 'llvm', file);
    await refuse(own);
    assert.equal((await own.resolved()).toolchain.name, 'llvm-next', file);
  }
});

test('a Rust that no image has changes nothing: the failure of the older one names the ways out', async (t) => {
  const own = project(t);
  await refuse(own, '  far@1.0.0 requires rustc 1.150\n');
  assert.deepEqual(await knownNeededRust(own.store, await own.resolved()), {
    release: '1.150',
    by: 'far 1.0.0',
  });
  assert.equal((await own.resolved()).toolchain.name, 'llvm');
});

test('a recipe that names its Rust keeps it', async (t) => {
  for (const [rust, image] of [
    ['stable', 'llvm'],
    ['host', 'llvm'],
    ['next', 'llvm-next'],
  ]) {
    const own = project(t, `rust: ${rust}\n`);
    await refuse(own);
    assert.equal(await knownNeededRust(own.store, await own.resolved()), undefined);
    assert.equal((await own.resolved()).toolchain.name, image);
  }
});
