// The compiled program of a checkout: used while its sources are the same, never afterwards.
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { copyOfTool, plainEnvironment, temporaryFolder } from '../support/cli.ts';

const home = copyOfTool(temporaryFolder({ after }, 'compiled ü '));
const place = join(home, '.provision');

function start(args: readonly string[], env: Record<string, string> = {}): SpawnSyncReturns<string> {
  const argv = ['--disable-warning=ExperimentalWarning', join(home, 'src', 'bin.ts'), ...args];
  return spawnSync(process.execPath, argv, { encoding: 'utf8', env: { ...plainEnvironment(), ...env } });
}

const compiling = { PROVISION_COMPILE: '1' };

function compiledFolders(): readonly string[] {
  return existsSync(place) ? readdirSync(place).filter((name) => name.startsWith('program-')) : [];
}

/** Sources that were changed only now are not compiled: they may change again within the same tick of a clock. */
const settled = () => sleep(2_200);

test('a start compiles the program where it is asked to, once, and several at once do so as well', async () => {
  assert.equal(start(['--help']).status, 0);
  assert.deepEqual(compiledFolders(), []);
  // As if it were written to while it is read.
  const source = join(home, 'src', 'cli.ts');
  utimesSync(source, Date.now() / 1000 + 60, Date.now() / 1000 + 60);
  assert.equal(start(['--help'], compiling).status, 0);
  assert.deepEqual(compiledFolders(), [], 'sources that are new');
  utimesSync(source, 1e9, 1e9);
  await settled();
  const script = `for i in 1 2; do "$@" --help >/dev/null & done; wait`;
  const argv = [process.execPath, '--disable-warning=ExperimentalWarning', join(home, 'src', 'bin.ts')];
  spawnSync('sh', ['-c', script, 'sh', ...argv], { env: { ...plainEnvironment(), ...compiling } });
  assert.equal(compiledFolders().length, 1);
  assert.deepEqual(readdirSync(place).sort(), [...compiledFolders(), 'program.json'].sort());
});

test('the compiled program is the one that runs, and says the same', () => {
  const commands = [
    ['--help'],
    ['list'],
    ['list', '--json'],
    ['completion', 'fish'],
    ['plan', 'musl', '--json'],
  ];
  const compiled = commands.map((args) => start(args).stdout);
  const cli = join(place, compiledFolders()[0] as string, 'cli.cjs');
  const text = readFileSync(cli, 'utf8');
  try {
    writeFileSync(cli, 'process.stdout.write("compiled\\n");');
    assert.equal(start(['list', '--json']).stdout, 'compiled\n');
  } finally {
    writeFileSync(cli, text);
  }
  appendFileSync(join(home, 'src', 'cli.ts'), '// changed\n');
  assert.deepEqual(
    commands.map((args) => start(args).stdout),
    compiled,
  );
});

test('of sources that were changed nothing compiled is used', () => {
  const help = join(home, 'src', 'commands', 'help.ts');
  writeFileSync(help, readFileSync(help, 'utf8').replace('Usage: provision', 'Usage: PROVISION'));
  assert.match(start(['--help'], compiling).stdout, /^Usage: PROVISION/);
  assert.match(start(['list', '--help'], compiling).stdout, /^Usage: provision list|^Usage: /);
});

test('an answer that was made of other recipes is not given any more', async () => {
  await settled();
  assert.match(start(['--help'], compiling).stdout, /^Usage: PROVISION/);
  assert.match(start(['list']).stdout, /riscv64/);
  const recipe = join(home, 'recipes', 'native.yaml');
  writeFileSync(recipe, readFileSync(recipe, 'utf8').replace(/^description: .*/m, 'description: Quite new.'));
  assert.match(start(['list']).stdout, /Quite new\./);
});

test('a bug shows the places of the sources', async () => {
  const cli = join(home, 'src', 'commands', 'list.ts');
  const text = readFileSync(cli, 'utf8');
  const line = text.split('\n').findIndex((one) => one.includes('const width ='));
  const lines = text.split('\n');
  lines[line] = "  if (recipes.ok) throw new Error('on purpose'); const width = 9;";
  writeFileSync(cli, lines.join('\n'));
  await settled();
  const failed = start(['list', '--json'], compiling);
  assert.equal(failed.status, 1, failed.stdout);
  const again = start(['list', '--json']);
  assert.match(again.stderr, /Error: on purpose/);
  assert.match(again.stderr, new RegExp(`at .*/src/commands/list\\.ts:${line + 1}:\\d+`));
  assert.doesNotMatch(again.stderr, /\.cjs/);
  writeFileSync(cli, text);
});

test('a checkout that cannot be written to runs its sources', async (t) => {
  if (process.geteuid?.() === 0) return t.skip('root may write everywhere');
  await settled();
  chmodSync(place, 0o555);
  try {
    assert.equal(start(['list'], compiling).status, 0);
  } finally {
    chmodSync(place, 0o755);
  }
});
