import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { digestListing, fillView } from '../../src/build/sources/view.ts';
import { listSources } from '../../src/build/sources/walk.ts';
import { temporaryFolder } from '../support/cli.ts';
import { crateOf, put } from '../support/crate.ts';
import { listTree } from '../support/seen.ts';

const IDENTITY = ['-c', 'user.name=A', '-c', 'user.email=a@example.org', '-c', 'commit.gpgsign=false'];

function git(folder: string, ...args: readonly string[]): string {
  return execFileSync('git', [...IDENTITY, '-C', folder, ...args], { encoding: 'utf8' }).trim();
}

/** A crate with two commits. */
function repository(t: TestContext, ...init: readonly string[]): string {
  const folder = crateOf(t);
  git(folder, 'init', '--quiet', '--initial-branch', 'main', ...init);
  git(folder, 'add', '.');
  git(folder, 'commit', '--quiet', '--message', 'one');
  git(folder, 'commit', '--quiet', '--allow-empty', '--message', 'two');
  return folder;
}

async function digest(folder: string): Promise<string> {
  return (await digestListing(await listSources([{ at: '', source: folder }], new Map()))).digest;
}

/** What a build sees of the project. */
async function seen(t: TestContext, folder: string): Promise<string> {
  const place = temporaryFolder(t);
  const listing = await listSources([{ at: '', source: folder }], new Map());
  await fillView(listing, join(place, 'project'), join(place, 'manifest.json'));
  return join(place, 'project');
}

function inGit(folder: string): readonly string[] {
  return listTree(join(folder, '.git')).map(([path]) => path);
}

test('of a repository a build sees HEAD and its branch, and git finds the commit there', async (t) => {
  const folder = repository(t);
  const view = await seen(t, folder);
  assert.deepEqual(inGit(view), ['HEAD', 'config', 'objects', 'refs', 'refs/heads', 'refs/heads/main']);
  assert.equal(readFileSync(join(view, '.git/HEAD'), 'utf8'), 'ref: refs/heads/main\n');
  const commit = git(folder, 'rev-parse', 'HEAD');
  assert.equal(readFileSync(join(view, '.git/refs/heads/main'), 'utf8'), `${commit}\n`);
  assert.equal(git(view, 'rev-parse', 'HEAD'), commit);
  assert.equal(git(view, 'rev-parse', '--abbrev-ref', 'HEAD'), 'main');
  assert.equal(commit.indexOf(git(view, 'rev-parse', '--short', 'HEAD')), 0);
  assert.notEqual(spawnSync('git', ['-C', view, 'log']).status, 0, 'there is no history');
});

test('a commit, another branch and a detached HEAD count; packing, fetching, tags and the index do not', async (t) => {
  const folder = repository(t);
  const before = await digest(folder);
  git(folder, 'tag', 'v1');
  git(folder, 'branch', 'other', 'HEAD~1');
  git(folder, 'update-ref', 'refs/remotes/origin/main', 'HEAD~1');
  git(folder, 'pack-refs', '--all');
  git(folder, 'gc', '--quiet');
  assert.equal(await digest(folder), before);
  const packed = await seen(t, folder);
  assert.equal(git(packed, 'rev-parse', 'HEAD'), git(folder, 'rev-parse', 'HEAD'));

  const digests = new Set([before]);
  for (const args of [
    ['commit', '--quiet', '--allow-empty', '--message', 'three'],
    ['checkout', '--quiet', 'other'],
    ['checkout', '--quiet', '--detach'],
    ['checkout', '--quiet', '--orphan', 'without-commit'],
  ]) {
    git(folder, ...args);
    digests.add(await digest(folder));
    const view = await seen(t, folder);
    const head = spawnSync('git', ['-C', folder, 'rev-parse', '--verify', 'HEAD'], { encoding: 'utf8' });
    const there = spawnSync('git', ['-C', view, 'rev-parse', '--verify', 'HEAD'], { encoding: 'utf8' });
    assert.deepEqual([there.status, there.stdout], [head.status, head.stdout], args.join(' '));
  }
  assert.equal(digests.size, 5);
});

test('a work tree, a submodule and SHA-256 are shown in the same way', async (t) => {
  const folder = repository(t, '--object-format=sha256');
  const view = await seen(t, folder);
  assert.equal(git(view, 'rev-parse', 'HEAD'), git(folder, 'rev-parse', 'HEAD'));
  assert.equal(git(view, 'rev-parse', 'HEAD').length, 64);

  const main = repository(t);
  const tree = join(temporaryFolder(t), 'tree');
  git(main, 'worktree', 'add', '--quiet', '-b', 'feature', tree, 'HEAD~1');
  for (const pack of [false, true]) {
    if (pack) git(main, 'pack-refs', '--all');
    const other = await seen(t, tree);
    assert.equal(readFileSync(join(other, '.git/HEAD'), 'utf8'), 'ref: refs/heads/feature\n');
    assert.equal(git(other, 'rev-parse', 'HEAD'), git(main, 'rev-parse', 'HEAD~1'));
  }

  const parent = repository(t);
  git(parent, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', main, 'sub');
  const both = await seen(t, parent);
  assert.equal(git(join(both, 'sub'), 'rev-parse', 'HEAD'), git(main, 'rev-parse', 'HEAD'));
});

test('a `.git` that is no repository, or leads to something else, is not there', async (t) => {
  const secret = temporaryFolder(t);
  put(secret, { HEAD: 'a password\n' });
  const reftable = crateOf(t);
  put(reftable, {
    '.git/HEAD': 'ref: refs/heads/.invalid\n',
    '.git/config': '[extensions]\n\trefstorage = reftable\n',
  });
  const elsewhere = crateOf(t);
  writeFileSync(join(elsewhere, '.git'), `gitdir: ${secret}\n`);
  const climbing = crateOf(t);
  put(climbing, { '.git/HEAD': 'ref: refs/../../Cargo.toml\n' });
  const bare = crateOf(t);
  for (const folder of [reftable, elsewhere, climbing, bare]) {
    const listing = await listSources([{ at: '', source: folder }], new Map());
    assert.deepEqual(
      listing.entries.filter(({ path }) => path.startsWith('.git')),
      [],
    );
    assert.equal(await digest(folder), await digest(bare));
  }
  const [hidden] = (await listSources([{ at: '', source: reftable }], new Map())).hidden;
  assert.equal(hidden?.path, '.git');
});
