import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { goTool } from '../support/go-tools.ts';

const WORKFLOWS = join(REPOSITORY, '.github', 'workflows');

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string; readonly required?: boolean }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

interface Step {
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly with?: Readonly<Record<string, string>>;
}

const action = parse(readFileSync(join(REPOSITORY, 'action.yml'), 'utf8')) as Action;

test('actionlint accepts the workflows and their inputs to the action', () => {
  const files = readdirSync(WORKFLOWS).map((name) => join(WORKFLOWS, name));
  assert.ok(files.length > 0);
  assert.deepEqual(lint(REPOSITORY, files), { status: 0, output: '' });
});

test('actionlint accepts the steps and outputs of the action', (t) => {
  assert.equal(action.runs.using, 'composite');
  assert.deepEqual(lintSteps(t, action.runs.steps), { status: 0, output: '' });
  // The check itself works: it rejects a missing step and a missing input.
  const [first, ...rest] = action.runs.steps;
  for (const name of ['steps.nowhere.outputs.x', 'inputs.nowhere']) {
    const { status, output } = lintSteps(t, [{ ...first, run: `echo $\{{ ${name} }}` }, ...rest]);
    assert.equal(status, 1);
    assert.match(output, /"nowhere" is not defined/);
  }
});

test('actionlint accepts the workflows that `provision init` writes, with and without --action', async (t) => {
  const crate = temporaryFolder(t);
  const files = {
    'Cargo.toml': '[package]\nname = "mine"\nversion = "0.1.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 3\n\n[[package]]\nname = "mine"\nversion = "0.1.0"\n',
    'src/main.rs': 'fn main() {}\n',
  };
  mkdirSync(join(crate, '.git'));
  mkdirSync(join(crate, 'src'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(crate, name), text);
  for (const more of [[], ['--action', 'somebody/provision@v1', '--force']]) {
    const { status, stderr } = await provision(['init', 'aarch64', '--yes', ...more], { cwd: crate });
    assert.equal(status, 0, stderr);
    const file = join(crate, '.github', 'workflows', 'provision.yml');
    const upgrade = join(crate, '.github', 'workflows', 'provision-upgrade.yml');
    assert.deepEqual(lint(crate, [file, upgrade]), { status: 0, output: '' });
    // The action has all inputs that the workflow passes.
    const { jobs } = parse(readFileSync(file, 'utf8')) as { jobs: { provision: { steps: readonly Step[] } } };
    const given = Object.keys(jobs.provision.steps.find(({ id }) => id === 'provision')?.with ?? {});
    assert.ok(given.length > 0 && given.every((name) => name in action.inputs), given.join());
  }
});

test('every third-party action is pinned by commit, with its version in a comment', () => {
  const texts = [
    join(REPOSITORY, 'action.yml'),
    ...readdirSync(WORKFLOWS).map((name) => join(WORKFLOWS, name)),
  ].map((file) => readFileSync(file, 'utf8'));
  const uses = texts.flatMap((text) => text.match(/uses: .*/g) ?? []).filter((line) => line !== 'uses: ./');
  assert.ok(uses.length > 0);
  assert.deepEqual(
    uses.filter((line) => !/^uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line)),
    [],
  );
});

test('every run step of the composite action sets its shell', () => {
  assert.deepEqual(
    action.runs.steps.filter(({ run, shell }) => run !== undefined && shell === undefined),
    [],
  );
});

/** The composite action's steps as a job, because actionlint reads workflows only. Inputs become those of a called workflow. */
function lintSteps(t: TestContext, steps: readonly Step[]): { status: number | null; output: string } {
  const folder = temporaryFolder(t);
  const file = join(folder, '.github', 'workflows', 'action.yml');
  mkdirSync(join(file, '..'), { recursive: true });
  const inputs = Object.fromEntries(
    Object.entries(action.inputs).map(([name, { default: value }]) => [
      name,
      { type: 'string', ...(value === undefined ? { required: true } : { default: value }) },
    ]),
  );
  const outputs = Object.fromEntries(
    Object.entries(action.outputs).map(([name, { value }]) => [name, value] as const),
  );
  const job = { 'runs-on': 'ubuntu-24.04', steps, outputs };
  writeFileSync(file, stringify({ on: { workflow_call: { inputs } }, jobs: { action: job } }));
  return lint(folder, [file]);
}

function lint(cwd: string, files: readonly string[]): { status: number | null; output: string } {
  // Independent of other tools on the machine.
  const args = ['-no-color', '-shellcheck=', '-pyflakes=', ...files];
  const { status, stdout, stderr } = spawnSync(goTool('actionlint'), args, { cwd, encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}
