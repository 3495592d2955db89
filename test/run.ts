// `npm test`: static checks first, then the tests, then the end-to-end tests on one shared store.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(home, 'node_modules', '.bin');
const wanted = process.argv.slice(2);

function run(title: string, command: string, args: readonly string[]): boolean {
  process.stdout.write(`\n# ${title}\n`);
  const { status } = spawnSync(command, args, { cwd: home, stdio: 'inherit', env: scrubbed() });
  return status === 0;
}

/** The person's own provision settings must not reach the tests; proxies, CA bundles and registries must. */
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
const checks =
  wanted.length > 0
    ? []
    : [
        () => run('biome', join(bin, 'biome'), ['ci', '--error-on-warnings']),
        () => run('tsc', join(bin, 'tsc'), ['--noEmit']),
        () => run('knip', join(bin, 'knip'), []),
      ];
const results = [
  ...checks.map((check) => check()),
  tests(
    'tests',
    selected.filter((file) => !endToEnd.includes(file)),
    2,
    5,
  ),
  tests('end-to-end tests', endToEnd, 1, 30),
];
process.exitCode = results.every(Boolean) ? 0 : 1;
