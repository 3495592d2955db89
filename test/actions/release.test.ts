import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';

interface Workflow {
  readonly jobs: Readonly<
    Record<string, { readonly steps: readonly { readonly id?: string; readonly run?: string }[] }>
  >;
}

const CHANGELOG =
  '# Changelog\n\n## [1.2.3] - 2026-01-01\n\n### Added\n\n- This.\n\n## [1.2.2] - 2025-01-01\n\n- That.\n';

/** The step `version` of the release workflow, as the runner starts it: a script for bash. */
function versionStep(t: TestContext, event: 'push' | 'by hand', ref: string, changelog = CHANGELOG) {
  const folder = temporaryFolder(t);
  const text = readFileSync(join(REPOSITORY, '.github', 'workflows', 'release.yml'), 'utf8');
  const steps = (parse(text) as Workflow).jobs.package?.steps ?? [];
  const script = steps.find(({ id }) => id === 'version')?.run;
  assert.ok(script !== undefined);
  writeFileSync(join(folder, 'step.sh'), script);
  writeFileSync(
    join(folder, 'package.json'),
    '{\n  "name": "one",\n  "version": "1.2.3",\n  "type": "module"\n}\n',
  );
  writeFileSync(join(folder, 'CHANGELOG.md'), changelog);
  const output = join(folder, 'output');
  const { status, stdout } = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', 'step.sh'], {
    cwd: folder,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      PUSHED: String(event === 'push'),
      GITHUB_REF_NAME: ref,
      GITHUB_OUTPUT: output,
    },
  });
  return { status, stdout, read: (name: string) => readFileSync(join(folder, name), 'utf8') };
}

test('the tag of the version in package.json is accepted, with the notes of that version alone', (t) => {
  const { status, read } = versionStep(t, 'push', 'v1.2.3');
  assert.equal(status, 0);
  assert.equal(read('output'), 'version=1.2.3\n');
  assert.equal(read('release/NOTES.md').trim(), '### Added\n\n- This.');
});

test('a tag of another version than that of package.json is rejected', (t) => {
  const { status, stdout } = versionStep(t, 'push', 'v9.9.9');
  assert.equal(status, 1);
  assert.equal(
    stdout,
    '::error file=package.json::The tag v9.9.9 is not the version 1.2.3 of package.json.\n',
  );
});

test('a version without a section in the changelog is rejected', (t) => {
  const { status, stdout } = versionStep(
    t,
    'push',
    'v1.2.3',
    '# Changelog\n\n## [1.2.2] - 2025-01-01\n\n- That.\n',
  );
  assert.equal(status, 1);
  assert.equal(stdout, '::error file=CHANGELOG.md::There is no section of version 1.2.3.\n');
});

test('a release that is tried by hand on a branch needs no tag', (t) => {
  assert.equal(versionStep(t, 'by hand', 'main').status, 0);
});
