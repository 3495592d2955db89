import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';

function project(t: { after(done: () => void): void }): { readonly cwd: string; readonly store: string } {
  const folder = temporaryFolder(t, 'provision editor ü ');
  const cwd = join(folder, 'crates', 'pyo3-0.22');
  cpSync(join(REPOSITORY, 'test', 'crates'), join(folder, 'crates'), { recursive: true });
  return { cwd, store: join(folder, 'store') };
}

test('`env --vscode` prints rust-analyzer settings that check the program inside the toolchain', async (t) => {
  const run = await provision(['env', '--vscode'], project(t));
  assert.equal(run.status, 0, run.stderr);
  const settings = JSON.parse(run.stdout);
  assert.equal(settings['rust-analyzer.cargo.target'], 'aarch64-unknown-linux-gnu');
  const check = settings['rust-analyzer.check.overrideCommand'] as readonly string[];
  assert.deepEqual(check.slice(1), [
    'exec',
    '--',
    'cargo',
    'check',
    '--message-format=json',
    '--bin',
    'embed',
  ]);
  assert.ok(existsSync(check[0] as string), check[0]);
});

test('the direnv lines put the cargo of the toolchain on PATH', async (t) => {
  const options = project(t);
  const run = await provision(['env', 'musl', '--direnv'], options);
  assert.equal(run.status, 0, run.stderr);
  // Stand-ins for the functions of direnv's standard library.
  const shell = `watch_file() { echo "watch $1"; }
PATH_add() { PATH=$1:$PATH; }
${run.stdout}
echo "$CARGO_BUILD_TARGET"
command -v cargo
cat "$(command -v cargo)"`;
  const output = spawnSync('sh', ['-c', shell], { encoding: 'utf8' }).stdout.split('\n');
  assert.equal(output[0], `watch ${join(options.cwd, 'provision.yaml')}`);
  assert.equal(output[1], 'x86_64-unknown-linux-musl');
  assert.ok(output[2]?.startsWith(options.store), output[2]);
  assert.match(output[4] ?? '', /^exec .*provision'? exec musl -- cargo "\$@"$/);
});

test('exec needs a command, and rejects a crate that needs a newer Rust before anything is fetched', async (t) => {
  const options = project(t);
  const none = await provision(['exec', 'aarch64'], options);
  assert.equal(none.status, 2);
  assert.match(none.stderr, /usage\/no-command/);
  writeFileSync(
    join(options.cwd, 'Cargo.toml'),
    '[package]\nname = "embed"\nversion = "0.1.0"\nedition = "2021"\nrust-version = "1.199"\n',
  );
  const old = await provision(['run'], options);
  assert.equal(old.status, 6, old.stderr);
  assert.match(old.stderr, /error\[build\/rust-too-old\]/);
  assert.doesNotMatch(old.stdout, /toolchain:/);
});
