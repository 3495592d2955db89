// The release workflow, by act: everything but what only npm and GitHub can do, which `npm publish` and `gh` stand in for.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { type ActRun, act, checkout } from '../support/act.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';

const { name: PACKAGE, version: VERSION } = JSON.parse(
  readFileSync(join(REPOSITORY, 'package.json'), 'utf8'),
) as { readonly name: string; readonly version: string };
const TOKEN = 'npm-token-of-the-test';
const ARCHIVE = `${PACKAGE}-${VERSION}.tgz`;

let folder = '';
let run: ActRun;

before(async () => {
  folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision-release-');
  run = await release(folder, `v${VERSION}`);
});

/** Pushes a tag of a repository whose tests are a script that only notes that it was run. */
async function release(at: string, tag: string): Promise<ActRun> {
  const repository = checkout(at);
  for (const path of ['test/run.ts', 'docs'])
    cpSync(join(REPOSITORY, path), join(repository, path), { recursive: true });
  const log = join(at, 'log');
  mkdirSync(log);
  program(join(repository, '.ci', 'run'), `echo run >'${log}/tests'`);
  program(
    join(at, 'programs', 'npm'),
    `[ "$1" = publish ] || exec ${npm()} "$@"
     printf '%s\\n' "$*" >'${log}/publish'; cp .npmrc '${log}/npmrc'; printf '%s' "$NPM_TOKEN" >'${log}/token'`,
  );
  program(join(at, 'programs', 'gh'), `printf '%s\\n' "$@" >'${log}/gh'; cp release/* '${log}/'`);
  const git = (...args: readonly string[]): void => {
    const who = [
      '-c',
      'user.name=test',
      '-c',
      'user.email=test@example.org',
      '-c',
      'init.defaultBranch=main',
    ];
    execFileSync('git', [...who, ...args], { cwd: repository, stdio: 'pipe' });
  };
  execFileSync('git', ['init', '--quiet', '--bare', join(at, 'origin')]);
  git('init', '--quiet');
  git('remote', 'add', 'origin', join(at, 'origin'));
  git('add', '--all', '--', ':!node_modules');
  git('commit', '--quiet', '--message', 'A release');
  git('tag', tag);
  git('push', '--quiet', 'origin', 'HEAD', tag);
  return act(join(at, 'act'), repository, '.github/workflows/release.yml', {
    event: 'push',
    ref: `refs/tags/${tag}`,
    secrets: { NPM_TOKEN: TOKEN },
    programs: join(at, 'programs'),
  });
}

function program(file: string, script: string): void {
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

function npm(): string {
  return execFileSync('/bin/sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim();
}

function logged(name: string): string {
  return readFileSync(join(folder, 'log', name), 'utf8');
}

test('a pushed version is tested, packed and published with provenance', () => {
  assert.equal(run.status, 0, run.text);
  assert.equal(logged('tests'), 'run\n');
  assert.equal(logged('publish'), `publish ./${ARCHIVE} --provenance --access public\n`);
});

test('the token reaches npm by the environment and stands in no file', () => {
  assert.equal(logged('token'), TOKEN);
  assert.match(logged('npmrc'), /^\/\/.*\/:_authToken=\$\{NPM_TOKEN\}\n$/);
  assert.ok(!run.text.includes(TOKEN));
});

test('the release has the archive, its checksum, and the notes of the changelog', () => {
  const words = logged('gh').trimEnd().split('\n');
  assert.deepEqual(words.slice(0, 4), ['release', 'create', `v${VERSION}`, '--verify-tag']);
  assert.ok(words.includes(`release/${ARCHIVE}`) && words.includes('release/SHA256SUMS'), words.join(' '));
  execFileSync('sha256sum', ['--check', 'SHA256SUMS'], { cwd: join(folder, 'log'), stdio: 'pipe' });
  const files = execFileSync('tar', ['-tzf', join(folder, 'log', ARCHIVE)], { encoding: 'utf8' });
  assert.match(files, /^package\/dist\/bin\.js$/m);
  const notes = logged('NOTES.md').trim();
  const changelog = readFileSync(join(REPOSITORY, 'CHANGELOG.md'), 'utf8');
  assert.ok(notes.length > 100 && changelog.includes(notes) && !/^## /m.test(notes), notes);
});

test('the archive is attested by the platform', () => {
  const digest = createHash('sha256')
    .update(readFileSync(join(folder, 'log', ARCHIVE)))
    .digest('hex');
  assert.ok(run.text.includes(`attested ${ARCHIVE} sha256:${digest}`));
});

test('the tag of the action is moved to the released commit', () => {
  const of = (name: string): string =>
    execFileSync('git', ['rev-parse', `${name}^{commit}`], { cwd: join(folder, 'origin'), encoding: 'utf8' });
  assert.equal(of('v1'), of(`v${VERSION}`));
});
