// `npm test`: static checks first, then the tests, then the end-to-end tests on one shared store. `--lint`, `--typecheck`,
// `--unit`: these only. Words select the test files whose path has one of them, without the static checks.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(home, 'node_modules', '.bin');
const PARTS = ['lint', 'typecheck', 'unit', 'e2e'] as const;
type Part = (typeof PARTS)[number];
const chosen = PARTS.filter((part) => process.argv.includes(`--${part}`));
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const unknown = process.argv
  .slice(2)
  .filter((word) => /^--/.test(word) && !PARTS.some((part) => word === `--${part}`));
if (unknown.length > 0) {
  process.stderr.write(
    `Unknown: ${unknown.join(' ')}. There are ${PARTS.map((part) => `--${part}`).join(', ')}.\n`,
  );
  process.exit(2);
}
/** Words are about tests; without any, and without an option, everything is run. */
const runs = (part: Part): boolean =>
  chosen.length > 0 ? chosen.includes(part) : wanted.length === 0 || part === 'unit' || part === 'e2e';

function run(title: string, command: string, args: readonly string[]): boolean {
  process.stdout.write(`\n# ${title}\n`);
  const { status } = spawnSync(command, args, { cwd: home, stdio: 'inherit', env: scrubbed() });
  return status === 0;
}

/** The user's own provision settings must not reach the tests; proxies, CA bundles and registries must. */
function scrubbed(): NodeJS.ProcessEnv {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(PROVISION_(?!DEBIAN_MIRROR|CA_BUNDLE|TEST_)|NODE_TEST|GITHUB_)/.test(name),
    ),
  );
  env.PATH = `${dirname(process.execPath)}:${process.env.PATH ?? '/usr/bin:/bin'}`;
  return env;
}

function testFiles(folder: string): string[] {
  return readdirSync(join(home, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
    .sort();
}

/** A test that hangs, or leaves something open behind, must not take the time of all others with it. */
function tests(title: string, files: readonly string[], concurrency: number, minutes: number): boolean {
  if (files.length === 0) return true;
  return run(title, process.execPath, [
    '--test',
    '--test-force-exit',
    `--test-timeout=${minutes * 60_000}`,
    `--test-concurrency=${concurrency}`,
    '--test-reporter=spec',
    ...files,
  ]);
}

const all = testFiles('test');
const selected = wanted.length === 0 ? all : all.filter((file) => wanted.some((word) => file.includes(word)));
const endToEnd = selected.filter((file) => file.startsWith(join('test', 'e2e')));
const checks: readonly (readonly [Part, () => boolean])[] = [
  ['lint', () => run('biome', join(bin, 'biome'), ['ci', '--error-on-warnings'])],
  ['typecheck', () => run('tsc', join(bin, 'tsc'), ['--noEmit'])],
  ['lint', () => run('knip', join(bin, 'knip'), [])],
  [
    'unit',
    () =>
      tests(
        'tests',
        selected.filter((file) => !endToEnd.includes(file)),
        2,
        5,
      ),
  ],
  // Two side by side: much of their time is spent in one process, or waiting for one.
  ['e2e', () => tests('end-to-end tests', endToEnd, 2, 30)],
];
// What people start is the compiled program: it is there before the first test asks for it, and not from some test on.
if (runs('unit') || runs('e2e')) {
  const start = ['--disable-warning=ExperimentalWarning', join(home, 'src', 'bin.ts'), '--help'];
  const env = { ...scrubbed(), PROVISION_COMPILE: '1' };
  spawnSync(process.execPath, start, { cwd: home, stdio: ['ignore', 'ignore', 'inherit'], env });
}
const results = checks.filter(([part]) => runs(part)).map(([, check]) => check());
process.exitCode = results.every(Boolean) ? 0 : 1;
