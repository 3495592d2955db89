// The steps of the weekly workflow, run as a job runs them, with a repository to push to; `gh` and the tool are programs that note how
// they are called.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { upgradeWorkflowText } from '../../src/init/texts.ts';
import { temporaryFolder } from '../support/cli.ts';

interface Workflow {
  readonly on: { readonly schedule: readonly { readonly cron: string }[] };
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: { readonly upgrade: { readonly steps: readonly { readonly run?: string }[] } };
}

const PROJECT = 'my crate';
const shape = { tests: [], shape: { title: 'a program' } } as const;

function workflow(): Workflow {
  return parse(upgradeWorkflowText({ recipe: 'aarch64', ...shape }, PROJECT)) as Workflow;
}

function program(file: string, script: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}`);
  chmodSync(file, 0o755);
}

/** A checkout, what it is pushed to, and programs; `upgrade` is what the tool does. */
function job(t: TestContext, upgrade: string) {
  const folder = temporaryFolder(t, 'provision job ü ');
  const [origin, checkout, calls] = ['origin', 'checkout', 'calls'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const env: Record<string, string> = {
    PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
    HOME: folder,
    RUNNER_TEMP: folder,
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', checkout, ...args], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  execFileSync('git', ['init', '--quiet', '--bare', origin], { env });
  execFileSync('git', ['init', '--quiet', '--initial-branch', 'main', checkout], { env });
  mkdirSync(join(checkout, PROJECT));
  writeFileSync(join(checkout, PROJECT, 'provision.lock'), 'old\n');
  git('add', '.');
  git('-c', 'user.name=x', '-c', 'user.email=x@localhost', 'commit', '--quiet', '--message', 'first');
  git('remote', 'add', 'origin', origin);
  git('push', '--quiet', 'origin', 'main');
  program(join(checkout, '.provision-tool', 'provision'), `printf '%s\\n' "$*" >>'${calls}'\n${upgrade}`);
  program(
    join(folder, 'bin', 'gh'),
    `printf 'gh %s\\n' "$*" >>'${calls}'\n[ "$2" = create ] || [ -e '${folder}/open' ]\n`,
  );
  return {
    git,
    opened: () => writeFileSync(join(folder, 'open'), ''),
    /** Runs the steps as a runner does; the status of the last. */
    run(): number | null {
      git('switch', '--quiet', 'main');
      rmSync(calls, { force: true });
      for (const { run } of workflow().jobs.upgrade.steps) {
        if (run === undefined) continue;
        const { status, stderr } = spawnSync('bash', ['-e', '-c', run], {
          cwd: checkout,
          env,
          encoding: 'utf8',
        });
        if (status !== 0) return stderr.includes('not found') ? -1 : status;
      }
      return 0;
    },
    calls: () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : []),
    pushed: (): string => {
      const shown = spawnSync('git', ['-C', origin, 'show', `provision-upgrade:${PROJECT}/provision.lock`], {
        encoding: 'utf8',
        env,
      });
      return shown.status === 0 ? shown.stdout : '';
    },
  };
}

const WRITES = `echo text >"$5"; echo new >"$3/provision.lock"\n`;

test('newer packages are pushed on a branch of their own, and a pull request is opened once, then kept up to date', (t) => {
  const { run, calls, pushed, opened, git } = job(t, WRITES);
  assert.equal(run(), 0);
  const [called, ...gh] = calls();
  assert.match(called ?? '', /^upgrade --project my crate --summary .*\/upgrade\.md$/);
  assert.equal(pushed(), 'new\n');
  const body = / --body-file .*\/upgrade\.md$/;
  assert.equal(gh.length, 2);
  assert.match(gh[0] ?? '', /^gh pr edit provision-upgrade/);
  assert.match(gh[1] ?? '', /^gh pr create --head provision-upgrade --title Newer locked packages/);
  assert.ok(gh.every((line) => body.test(line)));
  assert.equal(
    git('ls-tree', '--name-only', 'provision-upgrade').trim(),
    PROJECT,
    'nothing else is committed',
  );
  // A week later the request is still open, and the branch starts anew.
  git('switch', '--quiet', 'main');
  git('branch', '--quiet', '-D', 'provision-upgrade');
  opened();
  assert.equal(run(), 0);
  assert.deepEqual(
    calls()
      .map((line) => line.split(' ').slice(0, 3).join(' '))
      .slice(1),
    ['gh pr edit'],
  );
});

test('without anything newer, and where a sample fails, nothing is pushed and nobody is asked', (t) => {
  for (const [upgrade, status] of [
    ['echo text >"$5"\n', 0],
    ['echo text >"$5"; exit 7\n', 7],
  ] as const) {
    const { run, calls, pushed } = job(t, upgrade);
    assert.equal(run(), status);
    assert.equal(calls().length, 1);
    assert.equal(pushed(), '');
  }
});

test('it is started every week, and may write nothing but the branch and the request', () => {
  const { on, permissions } = workflow();
  assert.match(on.schedule[0]?.cron ?? '', /^\d+ \d+ \* \* [0-6]$/);
  assert.deepEqual(permissions, { contents: 'write', 'pull-requests': 'write' });
});
