import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { copyOfTool, provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { NO_TERMINAL, onTerminal } from '../support/terminal.ts';

const COMMANDS = [
  ...[
    'run',
    'init',
    'plan',
    'env',
    'lock',
    'list',
    'shell',
    'exec',
    'inspect',
    'sbom',
    'verify',
    'outdated',
    'upgrade',
    'clean',
    'store',
    'cache',
    'report',
    'conformance',
    'bench',
  ],
  'completion',
];

test('--help lists every command and the exit codes', async () => {
  const run = await provision(['--help']);
  assert.equal(run.status, 0);
  for (const name of COMMANDS) assert.match(run.stdout, new RegExp(`^  ${name}\\s`, 'm'));
  assert.match(run.stdout, /7 samples differ/);
  assert.ok(run.stdout.split('\n').every((line) => line.length <= 80));
});

for (const name of COMMANDS) {
  test(`${name} --help shows usage, options and examples within 80 columns`, async () => {
    const run = await provision([name, '--help']);
    assert.equal(run.status, 0);
    assert.match(run.stdout, new RegExp(`^Usage: provision ${name}`));
    assert.match(run.stdout, /Examples:\n {2}\S/);
    // Examples are lines to copy.
    const [described = ''] = run.stdout.split('Examples:');
    assert.deepEqual(
      described.split('\n').filter((line) => line.length > 80),
      [],
    );
  });
}

test('on a terminal list and doctor break their lines between words', { skip: NO_TERMINAL }, async () => {
  for (const name of ['list', 'doctor']) {
    const shown = await onTerminal(`${process.execPath} ${join(REPOSITORY, 'src', 'bin.ts')} ${name}`).ended;
    assert.ok(shown.split('\n').length > 10, shown);
    // A path is longer than a line now and then.
    const wide = shown.split('\n').filter((line) => line.length > 77 && !/\S{30,}$/.test(line));
    assert.deepEqual(wide, [], name);
  }
  const piped = await provision(['list']);
  assert.match(piped.stdout, /^ +The same module as wasm32-wasip1 in a second runtime, the WASI of Node\.$/m);
});

test('--version prints the version of package.json', async () => {
  const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
    version: string;
  };
  assert.equal((await provision(['--version'])).stdout, `provision ${version}\n`);
});

test('without arguments the help is printed and the exit code is 2', async () => {
  const run = await provision([]);
  assert.equal(run.status, 2);
  assert.match(run.stdout, /^Usage: provision <recipe>/);
});

test('list prints the recipes as text and as JSON', async () => {
  const run = await provision(['list', '--json']);
  assert.equal(run.status, 0);
  const names = (JSON.parse(run.stdout) as { name: string }[]).map(({ name }) => name);
  assert.ok(names.includes('aarch64'));
  assert.match((await provision(['list'])).stdout, /^aarch64 /m);
});

test('a mistyped recipe, option or definition fails with a suggestion and exit code 2', async (t) => {
  const folder = temporaryFolder(t);
  const recipe = await provision(['aarch46'], { cwd: folder, store: join(folder, 'store') });
  assert.equal(recipe.status, 2);
  assert.match(recipe.stderr, /recipe\/not-found/);
  assert.match(recipe.stderr, /aarch64/);
  const option = await provision(['aarch64', '--ofline'], { cwd: folder });
  assert.equal(option.status, 2);
  assert.match(option.stderr, /--offline/);
  for (const action of ['restore', 'save']) {
    const taken = await provision(['cache', action, '/dev/null'], { cwd: folder });
    assert.equal(taken.status, 2, taken.stderr);
    assert.match(taken.stderr, /error\[usage\/cache\]: \/dev\/null is no folder/);
  }
  const restore = async (name: string) =>
    provision(['cache', 'restore', name], { cwd: folder, store: join(folder, 'store') });
  const absent = await restore('parts');
  assert.deepEqual(
    [absent.status, absent.stdout],
    [0, 'parts does not exist: nothing is restored. The first run has no cache yet.\n'],
  );
  assert.match((await restore('parts')).stdout, /^parts has no part of a store: nothing is restored\.\n$/);
  const results = join(folder, 'parts', 'program', 'results');
  for (const name of ['a.json', 'b.json']) {
    mkdirSync(results, { recursive: true });
    writeFileSync(join(results, 'a.json'), '{}');
    writeFileSync(join(results, name), '{}');
    const { stdout } = await restore('parts');
    assert.match(stdout, name === 'a.json' ? /^program +1 +0$/m : /^program +1 +1$/m);
  }
  const value = await provision(['cache', 'prune', '--older-than', '-1'], { cwd: folder });
  assert.equal(value.status, 2);
  assert.match(
    value.stderr,
    /argument is ambiguous\.\n {2}fix:/,
    'one sentence, not the advice of the parser',
  );
  const definition = await provision(['lock', 'docker/lvm'], { cwd: folder });
  assert.equal(definition.status, 2);
  assert.match(definition.stderr, /docker\/llvm/);
});

test('--json prints failures as JSON on standard output', async (t) => {
  const folder = temporaryFolder(t);
  const run = await provision(['plan', 'nothing', '--json'], { cwd: folder });
  assert.equal(run.status, 2);
  assert.equal((JSON.parse(run.stdout) as { failure: { code: string } }).failure.code, 'recipe/not-found');
});

test('completion scripts have valid syntax and complete recipes and options', async (t) => {
  const { spawnSync } = await import('node:child_process');
  const run = await provision(['completion', 'bash']);
  assert.equal(run.status, 0);
  assert.match(run.stdout, /--offline/);
  const checked = spawnSync('bash', ['-n'], { input: run.stdout });
  assert.equal(checked.status, 0, checked.stderr.toString());
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'bin'));
  const shim = join(folder, 'bin', 'provision');
  writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${join(REPOSITORY, 'src', 'cli.ts')}' "$@"\n`);
  chmodSync(shim, 0o755);
  const completed = spawnSync(
    'bash',
    [
      '--norc',
      '-c',
      `${run.stdout}\nCOMP_WORDS=(provision riscv); COMP_CWORD=1; _provision; echo "\${COMPREPLY[@]}"`,
    ],
    { env: { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, HOME: folder } },
  );
  assert.equal(completed.stdout.toString().trim(), 'riscv64');
  assert.equal((await provision(['completion', 'tcsh'])).status, 2);
});

test('a recipe with errors fails with exit code 2, the line and column of each error, and writes nothing', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'mine.yaml');
  writeFileSync(file, 'schema: 1\ndescription: x\ntargte: aarch64-unknown-linux-gnu\ntoolchain: 3\n');
  const run = await provision([file], { cwd: folder, store: join(folder, 'store') });
  assert.equal(run.status, 2);
  assert.match(run.stderr, /mine\.yaml:3:1/);
  assert.match(run.stderr, /targte: aarch64-unknown-linux-gnu/);
  assert.match(run.stderr, /target/);
  assert.match(run.stderr, /mine\.yaml:4:12/);
  writeFileSync(file, 'schema: 1\n  description: [unclosed\n');
  const syntax = await provision([file], { cwd: folder, store: join(folder, 'store') });
  assert.equal(syntax.status, 2);
  assert.match(syntax.stderr, /mine\.yaml:\d+:\d+/);
});

test('a missing or stale lock fails with exit code 3 and the command that fixes it', async (t) => {
  const folder = temporaryFolder(t);
  const home = copyOfTool(folder);
  const lock = join(home, 'docker', 'llvm', 'image.amd64.lock');
  const definition = join(home, 'docker', 'llvm', 'image.yaml');
  const text = readFileSync(definition, 'utf8');
  writeFileSync(definition, text.replace('  - make\n', '  - make\n  - patch\n'));
  const stale = await provision(['riscv64'], { cwd: folder, home, store: join(folder, 'store') });
  assert.equal(stale.status, 3);
  assert.match(stale.stderr, /lock\/stale/);
  assert.match(stale.stderr, /provision lock docker\/llvm/);
  writeFileSync(definition, text);
  rmSync(lock);
  const missing = await provision(['riscv64'], { cwd: folder, home, store: join(folder, 'store') });
  assert.equal(missing.status, 3);
  assert.match(missing.stderr, /lock\/missing/);
  assert.match(missing.stderr, /provision lock docker\/llvm/);
});

test('invalid values of --jobs and --older-than, and shell without a terminal, are rejected', async (t) => {
  const folder = temporaryFolder(t);
  for (const args of [
    ['list', '--jobs', '0'],
    ['list', '--jobs', 'many'],
    ['clean', '--older-than', 'x'],
  ]) {
    const run = await provision(args, { cwd: folder, store: join(folder, 'store') });
    assert.equal(run.status, 2, args.join(' '));
  }
});

test('clean shows an empty store and fails on a store that cannot be written', async (t) => {
  const folder = temporaryFolder(t);
  const run = await provision(['clean', '--json'], { cwd: folder, store: join(folder, 'store') });
  assert.equal(run.status, 0);
  assert.equal((JSON.parse(run.stdout) as { usage: { total: { count: number } } }).usage.total.count, 0);
  writeFileSync(join(folder, 'file'), '');
  const bad = await provision(['clean'], { cwd: folder, store: join(folder, 'file') });
  assert.equal(bad.status, 5);
  assert.match(bad.stderr, /store\//);
});
