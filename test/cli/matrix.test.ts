import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import { type CliRun, copyOfTool, provision, temporaryFolder } from '../support/cli.ts';
import { report } from '../support/report.ts';

interface Entry {
  readonly recipe: string;
  readonly runner: string;
  readonly 'cache-key': string;
  readonly 'timeout-minutes': number;
}

test('matrix prints one job for each recipe', async () => {
  const { status, stdout } = await provision(['matrix', '--json', 'riscv64', 'musl', 'riscv64']);
  assert.equal(status, 0);
  const matrix = JSON.parse(stdout) as { readonly include: readonly Entry[] };
  // GitHub would treat any other key as a further axis.
  assert.deepEqual(Object.keys(matrix), ['include']);
  const [first, second] = matrix.include;
  assert.deepEqual(
    matrix.include.map(({ recipe, runner }) => [recipe, runner]),
    [
      ['riscv64', 'ubuntu-24.04'],
      ['musl', 'ubuntu-24.04'],
    ],
  );
  assert.match(first?.['cache-key'] ?? '', /^[0-9a-f]{64}$/);
  assert.notEqual(first?.['cache-key'], second?.['cache-key']);
  // Building CPython takes longer than fetching it.
  assert.ok((first?.['timeout-minutes'] ?? 0) < (second?.['timeout-minutes'] ?? 0));
});

test('a recipe that names a runner of the machine of its target gets the image for that machine and no emulator', async (t) => {
  const home = copyOfTool(temporaryFolder(t));
  writeFileSync(
    join(home, 'recipes', 'on-arm.yaml'),
    'schema: 1\ndescription: On ARM.\ntarget: aarch64\nactions: {runner: ubuntu-24.04-arm}\n',
  );
  const { stdout } = await provision(['matrix', 'on-arm', 'aarch64'], { home });
  const [, own, other] = stdout.split('\n');
  assert.match(own as string, /^on-arm +ubuntu-24\.04-arm +.* native$/);
  assert.match(other as string, /^aarch64 +ubuntu-24\.04 +.* qemu-aarch64$/);
});

test('without names the matrix contains every shipped recipe', async () => {
  const { stdout } = await provision(['matrix', '--json']);
  const list = await provision(['list', '--json']);
  const names = (JSON.parse(list.stdout) as readonly { readonly name: string }[]).map(({ name }) => name);
  assert.deepEqual(
    (JSON.parse(stdout) as { readonly include: readonly Entry[] }).include.map(({ recipe }) => recipe),
    names,
  );
});

test('the matrix is printed as a table without --json', async () => {
  const { stdout } = await provision(['matrix', 'riscv64', 'x86_64']);
  const lines = stdout.trimEnd().split('\n');
  assert.match(lines[0] as string, /^recipe +runner +minutes +cache key +samples$/);
  assert.match(lines[1] as string, /^riscv64 +ubuntu-24\.04 +30 +[0-9a-f]{12} +qemu-riscv64$/);
  assert.match(lines[2] as string, /^x86_64 .* native$/);
  assert.ok(lines.every((line) => line.length <= 80));
});

test('the cache key depends on the locks only; a recipe without a lock is left out with a warning', async (t) => {
  const home = copyOfTool(temporaryFolder(t));
  const key = async (): Promise<string | undefined> => {
    const { stdout } = await provision(['matrix', '--json', 'riscv64'], { home });
    return (JSON.parse(stdout) as { include: readonly Entry[] }).include[0]?.['cache-key'];
  };
  const edit = (file: string, from: RegExp | string, to: string): void => {
    const path = join(home, file);
    const text = readFileSync(path, 'utf8');
    assert.notEqual(text.replace(from, to), text, `${file}: nothing changed`);
    writeFileSync(path, text.replace(from, to));
  };
  const before = await key();
  edit('recipes/defaults.yaml', /^description: .*$/m, 'description: Another.');
  assert.equal(await key(), before);
  // The standard library of Rust for another target is not fetched.
  const digest = (name: string): RegExp =>
    new RegExp(`(?<="rust-std:${name}": \\[\\s.*)sha256:[0-9a-f]{64}(?=", "size")`);
  edit('docker/llvm/image.amd64.lock', digest('aarch64'), `sha256:${'0'.repeat(64)}`);
  assert.equal(await key(), before);
  edit('docker/llvm/image.amd64.lock', digest('riscv64'), `sha256:${'0'.repeat(64)}`);
  const std = await key();
  assert.notEqual(std, before);
  edit('docker/llvm/image.amd64.lock', /sha256:[0-9a-f]{64}"(?=, "size")/, `sha256:${'0'.repeat(64)}"`);
  assert.notEqual(await key(), std);

  rmSync(join(home, 'sysroots/packaged/cpython-3.13/riscv64.lock'));
  const some = await provision(['matrix', '--json', 'riscv64', 'x86_64'], { home });
  assert.equal(some.status, 0);
  assert.deepEqual(
    (JSON.parse(some.stdout) as { include: readonly Entry[] }).include.map(({ recipe }) => recipe),
    ['x86_64'],
  );
  assert.match(some.stderr, /riscv64 is left out: .*no lock.*provision lock sysroots.*\[lock\/missing\]/);
  const none = await provision(['matrix', 'riscv64'], { home });
  assert.equal(none.status, 3);
  assert.match(none.stderr, /error\[lock\/no-jobs\]/);
});

test('runner and time limit come from the recipe; the default runner from the target of the image', async (t) => {
  const home = copyOfTool(temporaryFolder(t));
  const recipe = join(home, 'recipes', 'aarch64.yaml');
  const text = 'schema: 1\ndescription: A recipe.\ntarget: aarch64\n';
  writeFileSync(recipe, `${text}actions:\n  runner: my-own\n  timeout-minutes: 7\n`);
  const [own] = await jobs(['aarch64'], home);
  assert.deepEqual([own?.runner, own?.['timeout-minutes']], ['my-own', 7]);
  writeFileSync(recipe, text);
  const target = join(home, 'targets', 'x86_64-unknown-linux-gnu.yaml');
  writeFileSync(
    target,
    readFileSync(target, 'utf8').replace(/^actions-runner: .*$/m, 'actions-runner: other'),
  );
  assert.equal((await jobs(['aarch64'], home))[0]?.runner, 'other');
  writeFileSync(target, readFileSync(target, 'utf8').replace(/^actions-runner: .*\n/m, ''));
  const none = await provision(['matrix', 'aarch64'], { home });
  assert.equal(none.status, 3);
  assert.match(none.stderr, /recipe\/no-actions-runner/);
});

test('in GitHub Actions the matrix is a one-line output and a skipped recipe a warning', async (t) => {
  const home = copyOfTool(temporaryFolder(t));
  rmSync(join(home, 'sysroots/portable-gnu/cpython-3.13/aarch64.lock'));
  const { run, output } = await inActions(t, ['matrix', 'aarch64', 'x86_64'], { home });
  assert.equal(run.status, 0);
  const [, line = ''] = /^matrix<<(?:.+)\n(.+)\n/m.exec(output) ?? [];
  assert.equal((JSON.parse(line) as { include: readonly Entry[] }).include.length, 1);
  assert.match(output, /^recipe<<.+\nx86_64\n/m);
  assert.match(run.stderr, /^::warning title=lock\/missing::aarch64 is left out/m);
});

test('in GitHub Actions an error in a recipe is annotated at its position, after secrets are masked', async (t) => {
  const cwd = temporaryFolder(t);
  mkdirSync(join(cwd, 'sub'));
  writeFileSync(join(cwd, 'sub', 'mine.yaml'), 'schema: 1\ndescription: X.\ntoolchan: llvm\n');
  const env = {
    ACTIONS_RUNTIME_TOKEN: 'the-runner-hides-its-own',
    MY_TOKEN: 'hush-hush',
    https_proxy: 'http://me:p%40ss-word@proxy.invalid:1',
  };
  const { run, summary, output } = await inActions(t, ['run', 'sub/mine.yaml', '--quiet'], { cwd, env });
  assert.equal(run.status, 2);
  const first = run.stderr.split('\n').findIndex((line) => !line.startsWith('::add-mask::'));
  const masked = run.stderr.split('\n').slice(0, first);
  for (const secret of ['hush-hush', 'p%2540ss-word', 'p@ss-word'])
    assert.ok(masked.includes(`::add-mask::${secret}`), secret);
  assert.ok(!run.stderr.includes('the-runner-hides-its-own'));
  assert.match(run.stderr, /^::error file=sub\/mine\.yaml,line=3,col=1,title=recipe\/unknown-key::/m);
  assert.match(run.stderr, /^error\[recipe\/unknown-key\]/m);
  assert.match(summary, /recipe\/unknown/);
  assert.match(output, /^status<<.+\nusage\n/m);
});

test('in GitHub Actions an unknown command or option is annotated', async (t) => {
  const { run, output } = await inActions(t, ['run', 'aarch64', '--no-such-option']);
  assert.equal(run.status, 2);
  assert.match(run.stderr, /^::error title=usage\/option::/m);
  assert.match(output, /^exit-code<<.+\n2\n/m);
});

test('outside of GitHub Actions no workflow commands are printed', async (t) => {
  const cwd = temporaryFolder(t);
  const run = await provision(['run', './none.yaml'], { cwd, env: { MY_TOKEN: 'hush-hush' } });
  assert.equal(run.status, 2);
  assert.ok(!/^::/m.test(run.stdout + run.stderr));
});

test('summary exits with the most severe outcome and reports missing recipes', async (t) => {
  const folder = temporaryFolder(t);
  const put = (name: string, change: Partial<Report>): void => {
    mkdirSync(join(folder, `provision-${name}`), { recursive: true });
    const text = JSON.stringify(report({ recipe: name, ...change }));
    writeFileSync(join(folder, `provision-${name}`, 'report.json'), text);
  };
  const matrix = JSON.stringify({ include: [{ name: 'good' }, { name: 'bad' }] });
  const passed = { status: 'passed' } as const;
  put('good', passed);
  put('bad', passed);
  writeFileSync(join(folder, 'report.json'), '{"schema": 7}');
  const fine = await provision(['summary', folder, '--matrix', matrix]);
  assert.equal(fine.status, 0, fine.stderr);
  put('bad', { status: 'failed', failure: { code: 'samples/differ', what: 'X.', fix: [] } });
  assert.equal((await provision(['summary', folder, '--matrix', matrix])).status, 7);
  put('bad', { status: 'blocked', failure: { code: 'build/failed', what: 'X.', fix: [] } });
  const { run, summary } = await inActions(t, ['summary', folder, '--matrix', matrix]);
  assert.equal(run.status, 6);
  assert.match(run.stdout, /^bad +blocked .* build\/failed$/m);
  assert.match(summary, /^\| bad \|.*⛔ blocked/m);
  rmSync(join(folder, 'provision-bad'), { recursive: true });
  const lost = await provision(['summary', folder, '--matrix', matrix]);
  assert.equal(lost.status, 5);
  assert.match(lost.stderr, /bad: no report/);
  assert.equal((await provision(['summary', folder, '--matrix', '[]'])).status, 2);
  assert.equal((await provision(['summary', join(folder, 'none')])).status, 2);
});

async function jobs(recipes: readonly string[], home: string): Promise<readonly Entry[]> {
  const { stdout } = await provision(['matrix', '--json', ...recipes], { home });
  return (JSON.parse(stdout) as { readonly include: readonly Entry[] }).include;
}

async function inActions(
  t: TestContext,
  args: readonly string[],
  options: {
    readonly home?: string;
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<{ readonly run: CliRun; readonly summary: string; readonly output: string }> {
  const folder = temporaryFolder(t);
  const files = { summary: join(folder, 'summary.md'), output: join(folder, 'output') };
  for (const file of Object.values(files)) writeFileSync(file, '');
  const env = {
    GITHUB_ACTIONS: 'true',
    GITHUB_WORKSPACE: options.cwd ?? folder,
    GITHUB_STEP_SUMMARY: files.summary,
    GITHUB_OUTPUT: files.output,
    ...options.env,
  };
  const run = await provision(args, { ...options, env });
  return { run, summary: readFileSync(files.summary, 'utf8'), output: readFileSync(files.output, 'utf8') };
}
