import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { fakeEngine } from '../support/fake-docker.ts';
import { assertGolden } from '../support/golden.ts';

interface Doctor {
  readonly works: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly state: string;
    readonly detail: string;
    readonly fix: readonly string[];
  }[];
}

test('image dockerfile writes the checked-in file: every package of the lock in its version', async (t) => {
  const run = await provision(['image', 'dockerfile', 'llvm'], { cwd: temporaryFolder(t) });
  assert.equal(run.status, 0, run.stderr);
  assertGolden(join(REPOSITORY, 'docker', 'llvm', 'Dockerfile'), run.stdout);
  const lock = JSON.parse(readFileSync(join(REPOSITORY, 'docker', 'llvm', 'image.amd64.lock'), 'utf8')) as {
    sets: { rootfs: { name: string; version: string }[] };
  };
  for (const { name, version } of lock.sets.rootfs)
    assert.ok(run.stdout.includes(` ${name}=${version}`), name);
  assert.doesNotMatch(run.stdout, /https?:/, 'no address stands in it');
});

test('image lists what it knows when it is asked for something else', async (t) => {
  const cwd = temporaryFolder(t);
  const action = await provision(['image', 'dockrefile', 'llvm'], { cwd });
  assert.deepEqual(
    [action.status, /Did you mean dockerfile\?/.test(action.stderr)],
    [2, true],
    action.stderr,
  );
  for (const name of ['llwm', '../llvm']) {
    const image = await provision(['image', 'dockerfile', name], { cwd });
    assert.deepEqual([image.status, /usage\/unknown-image/.test(image.stderr)], [2, true], image.stderr);
  }
});

test('doctor lists every way to an engine with its outcome', async (t) => {
  const folder = temporaryFolder(t);
  await using engine = await fakeEngine({});
  const env = {
    DOCKER_HOST: `unix://${engine.socket}`,
    HOME: folder,
    HTTPS_PROXY: 'http://me:secret@proxy.invalid:3128',
  };
  const run = await provision(['doctor', '--json'], { cwd: folder, store: join(folder, 'store'), env });
  assert.equal(run.status, 0, run.stderr);
  const { works, checks } = JSON.parse(run.stdout) as Doctor;
  assert.ok(works);
  const state = (name: string): string | undefined => checks.find((check) => check.name === name)?.state;
  assert.equal(state('DOCKER_HOST'), 'ok');
  assert.equal(state('--engine docker:<host>'), 'none');
  for (const program of [
    'node',
    'xz',
    'flock',
    'unshare',
    'nsenter',
    'setpriv',
    'mount',
    'store',
    'proxies',
  ]) {
    assert.ok(state(program) !== undefined, program);
  }
  assert.doesNotMatch(run.stdout, /secret/);
  const text = await provision(['doctor'], { cwd: folder, store: join(folder, 'store'), env });
  assert.match(text.stdout, /^ +ok +DOCKER_HOST +Docker 99\.0 \(API 1\.41\)/m);
});

test('doctor exits 5 where no engine works, with a fix for each, and the failure of a store that stands in the way', async (t) => {
  const folder = temporaryFolder(t);
  const env = { DOCKER_HOST: `unix://${join(folder, 'none')}`, HOME: folder };
  // A store that cannot be: the embedded engine has no place to work in.
  const run = await provision(['doctor', '--json', '--store', '/dev/null/store'], { cwd: folder, env });
  const { works, checks } = JSON.parse(run.stdout) as Doctor;
  if (works) return t.skip('this machine has an engine for all');
  assert.equal(run.status, 5, run.stderr);
  assert.match(run.stderr, /store\/not-a-folder/);
  const lacks = checks.filter(({ state }) => state === 'lack');
  assert.ok(lacks.length >= 2);
  for (const { fix, name } of lacks) assert.ok(fix.length > 0, name);
});
