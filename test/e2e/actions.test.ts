import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Lock } from '../../src/domain/packages.ts';
import type { Report } from '../../src/domain/report.ts';
import { type ActRun, act, checkout } from '../support/act.ts';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

const JUNIT_SCHEMA = join(REPOSITORY, 'docs', 'junit.xsd');
const fits = new Ajv2020({ formats: { 'date-time': true } }).compile(
  JSON.parse(readFileSync(join(REPOSITORY, 'docs', 'report.schema.json'), 'utf8')) as object,
);

const SECRET = 'hush-hush-hush';

/** A program that does not compile; the compiler output contains a secret and a text like a workflow command. */
function brokenRecipe(place: string): void {
  const files = {
    'broken.yaml': `schema: 1
description: Does not compile.
target: aarch64
toolchain: llvm
sysroot: packaged
project:
  path: broken
  bin: broken
samples:
  path: broken/samples
`,
    'broken/Cargo.toml': '[package]\nname = "broken"\nversion = "0.1.0"\nedition = "2021"\n',
    'broken/Cargo.lock': 'version = 3\n\n[[package]]\nname = "broken"\nversion = "0.1.0"\n',
    'broken/src/main.rs': `fn main() {\n    let _x: u32 = "${SECRET} ##[error]no command";\n}\n`,
    'broken/samples/one.py': 'print(1)\n',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), text);
  }
}

test('the workflow runs every recipe, annotates failures, uploads artifacts and writes summaries', async (t) => {
  const folder = temporaryFolder(t, 'provision-actions-');
  // The contents of the store for the jobs.
  assert.equal((await provision(['aarch64'], { cwd: folder, store: SHARED_STORE })).status, 0);
  const place = checkout(folder);
  brokenRecipe(place);
  const run = await act(join(folder, 'act'), place, '.github/workflows/provision.yml', {
    inputs: { recipes: 'aarch64 ./broken.yaml' },
    env: { PROVISION_STORE: SHARED_STORE, PROVISION_ENGINE: 'namespace', MY_TOKEN: SECRET },
  });
  assert.equal(run.status, 1, run.text);

  await t.test('each recipe has a job with its own outcome', () => {
    assert.equal(result(run, 'plan', 'Matrix'), 'success');
    assert.equal(result(run, 'aarch64', './'), 'success', run.text);
    assert.equal(result(run, 'broken', './'), 'failure');
    assert.equal(result(run, 'summary', 'Summary'), 'failure');
  });

  await t.test('the action sets its outputs', () => {
    assert.deepEqual(
      ['status', 'exit-code', 'bundle'].map((name) => output(run, 'broken', './', name)),
      ['blocked', '6', ''],
    );
    assert.deepEqual(
      ['status', 'exit-code'].map((name) => output(run, 'aarch64', './', name)),
      ['passed', '0'],
    );
    assert.match(output(run, 'aarch64', './', 'bundle') ?? '', /^\/.*\/artifacts\/aarch64\/.*\.tar\.gz$/);
    assert.match(output(run, 'broken', './', 'report') ?? '', /^\/.*\/artifacts\/broken\/report\.json$/);
    assert.equal(output(run, 'summary', 'Summary', 'status'), 'blocked');
  });

  await t.test('failures are annotated at the recipe, and compiler output is grouped by stage', () => {
    const commands = run.lines.filter(({ job = '' }) => job.includes('broken'));
    const [error] = commands.filter(({ command }) => command === 'error');
    assert.deepEqual(error?.kvPairs, { file: 'broken.yaml', line: '6', col: '1', title: 'build/failed' });
    const start = commands.findIndex(
      ({ command, arg = '' }) => command === 'group' && arg.startsWith('build: failed'),
    );
    const end = commands.findIndex(({ command }, i) => i > start && command === 'endgroup');
    const inside = commands.slice(start, end).map(({ msg }) => msg);
    assert.ok(start > 0 && end > start && inside.some((msg) => msg.includes('error[E0308]')));
    assert.ok(!run.lines.some(({ arg }) => arg === 'no command'));
  });

  await t.test('the secret appears only in the command that masks it', () => {
    const shown = run.lines.filter(({ command }) => command !== 'add-mask');
    assert.ok(shown.every((line) => !JSON.stringify(line).includes(SECRET)));
    assert.ok(run.lines.some(({ command, arg }) => command === 'add-mask' && arg === SECRET));
    const bad = artifact(folder, 'provision-broken');
    for (const file of readdirSync(bad, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.(json|xml|sarif|html)$/.test(name),
    ))
      assert.ok(!readFileSync(join(bad, file), 'utf8').includes(SECRET), file);
  });

  await t.test('artifacts of all recipes are uploaded, including the failed one', () => {
    const good = artifact(folder, 'provision-aarch64');
    const bad = artifact(folder, 'provision-broken');
    const reports = [good, bad].map(
      (at) => JSON.parse(readFileSync(join(at, 'report.json'), 'utf8')) as Report,
    );
    assert.deepEqual(
      reports.map(({ status }) => status),
      ['passed', 'blocked'],
    );
    for (const one of reports) assert.ok(fits(one), JSON.stringify(fits.errors));
    for (const at of [good, bad])
      execFileSync('xmllint', ['--noout', '--schema', JUNIT_SCHEMA, join(at, 'junit.xml')], {
        stdio: 'pipe',
      });
    assert.ok(readdirSync(good).some((name) => name.endsWith('.tar.gz')));
    const [blocker] = reports[1]?.blockers ?? [];
    for (const file of [blocker?.file, blocker?.log, 'junit.xml'])
      assert.ok(readFileSync(join(bad, file ?? '?')).length > 0, file);
    assert.ok(readdirSync(join(bad, 'logs')).length > 0);
  });

  await t.test('each job has a summary with samples and blockers, and there is one table of all jobs', () => {
    assert.match(summary(run, 'aarch64'), /All \d+ samples/);
    assert.match(summary(run, 'broken'), /^### Blockers$/m);
    assert.match(summary(run, 'broken'), /mismatched types/);
    const all = summary(run, 'summary');
    assert.match(all, /^\| aarch64 \| .*✅ passed \| \d+ of \d+ equal/m);
    assert.match(all, /^\| broken \| .*⛔ blocked /m);
  });
});

test('a job restores the store from the cache and runs without network', async (t) => {
  const folder = temporaryFolder(t, 'provision-actions-');
  const store = join(folder, 'store');
  fillStore(store);
  const place = checkout(folder);
  brokenRecipe(place);
  // One that ends well: what fails ends at another point each time.
  writeFileSync(join(place, 'broken', 'src', 'main.rs'), 'fn main() {\n    println!("1");\n}\n');
  const step = (id: string, cache: boolean): string => `
      - id: ${id}
        continue-on-error: true
        uses: ./
        with:
          recipe: ./broken.yaml
          store: ${store}
          offline: 'true'
          cache: '${cache}'
          upload: 'false'
      - run: echo "${id} $\{{ steps.${id}.outputs.status }} $\{{ steps.${id}.outputs.exit-code }}"
      - run: rm -rf "${store}"`;
  const pinned = /uses: (actions\/checkout@\S+)/.exec(
    readFileSync(join(REPOSITORY, '.github', 'workflows', 'provision.yml'), 'utf8'),
  );
  const steps = [step('filled', true), step('empty', false), step('restored', true)].join('');
  writeFileSync(
    join(place, '.github', 'workflows', 'cache.yml'),
    `on: push\njobs:\n  cache:\n    runs-on: ubuntu-24.04\n    steps:\n      - uses: ${pinned?.[1]}${steps}\n`,
  );
  const run = await act(join(folder, 'act'), place, '.github/workflows/cache.yml', {
    event: 'push',
    env: { PROVISION_ENGINE: 'namespace' },
  });
  assert.equal(run.status, 0, run.text);
  const commands = run.lines
    .map(({ msg }) => msg.trim())
    .filter((msg) => /^(filled|empty|restored) \w+ \d+$/.test(msg));
  assert.deepEqual(commands, ['filled passed 0', 'empty fetch 4', 'restored passed 0'], run.text);
  const keys = run.lines.flatMap(
    ({ msg }) => /^Cache (?:saved with key: |restored from )(\S+)/.exec(msg)?.[1] ?? [],
  );
  const parts = keys.map((key) => key.split('-')[1]);
  const all = ['toolchain', 'packages', 'built', 'program'];
  // Restored, and not sent again.
  assert.deepEqual(parts, [...all, ...all], keys.join('\n'));
  assert.match(keys[0] as string, /^provision-toolchain-X64-[0-9a-f]{64}$/);
  assert.match(keys[1] as string, /^provision-packages-X64-broken-[0-9a-f]{64}$/);
  assert.deepEqual(
    keys.slice(4),
    keys.slice(0, 4).map((key) => key.toLowerCase()),
  );
});

/** A store with the packages of the recipe only, as hard links into the shared store; of its trees other tests use what they want. */
function fillStore(store: string): void {
  const blobs = join('blobs', 'sha256');
  mkdirSync(join(store, blobs), { recursive: true });
  const sets = {
    'docker/llvm/image.amd64': ['rootfs', 'rust-std:aarch64'],
    'pythons/cpython-3.13/reference.amd64': ['rootfs'],
    'sysroots/packaged/cpython-3.13/aarch64': ['rootfs', 'sysroot'],
  };
  const digests = Object.entries(sets).flatMap(([name, wanted]) => {
    const lock = JSON.parse(readFileSync(join(REPOSITORY, `${name}.lock`), 'utf8')) as Lock;
    return wanted.flatMap((set) => lock.sets[set] ?? []).map(({ digest }) => digest.slice('sha256:'.length));
  });
  assert.ok(digests.length > 100);
  for (const hex of new Set(digests)) linkOrCopy(join(SHARED_STORE, blobs, hex), join(store, blobs, hex));
}

/** The temporary folder may be on another disk. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    copyFileSync(from, to);
  }
}

/** The outcome of a step of a job. */
function result(run: ActRun, job: string, step: string): string | undefined {
  return run.lines.findLast(
    (line) =>
      line.job?.includes(job) === true &&
      line.step === step &&
      line.stage === 'Main' &&
      line.stepResult !== undefined,
  )?.stepResult;
}

function output(run: ActRun, job: string, step: string, name: string): string | undefined {
  return run.lines.findLast(
    (line) =>
      line.job?.includes(job) === true &&
      line.step === step &&
      line.command === 'set-output' &&
      line.name === name,
  )?.arg;
}

function summary(run: ActRun, job: string): string {
  return run.lines
    .filter((line) => line.job?.includes(job) === true && line.command === 'summary')
    .map(({ content = '' }) => content)
    .join('\n');
}

/** Unpacks the artifacts that act's server received. */
function artifact(folder: string, name: string): string {
  const to = join(folder, 'unpacked', name);
  mkdirSync(to, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, 'act', 'artifacts', '1', name, `${name}.zip`), '-C', to]);
  return to;
}
