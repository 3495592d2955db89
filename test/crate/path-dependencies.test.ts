import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readCrate } from '../../src/crate/crate.ts';
import type { Project } from '../../src/domain/definitions.ts';
import { crateAt, projectRoot, renamedPaths } from '../../src/engine/project-paths.ts';
import type { Failure } from '../../src/failure.ts';
import { temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

const USUAL = { features: [], defaultFeatures: true };

function manifest(name: string, more = ''): string {
  return `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n\n${more}`;
}

function placeOf(t: TestContext, files: Readonly<Record<string, string>>): string {
  const place = temporaryFolder(t);
  put(place, files);
  return place;
}

async function outside(place: string, crate: string): Promise<readonly string[]> {
  const read = await readCrate(join(place, crate), USUAL);
  assert.ok(read.ok, JSON.stringify(read));
  return (read.value.outside ?? []).map(({ folder, manifestOnly }) =>
    [relative(place, folder), ...(manifestOnly === true ? ['manifest'] : [])].join(' '),
  );
}

async function failure(place: string, crate: string): Promise<Failure> {
  const read = await readCrate(join(place, crate), USUAL);
  assert.ok(!read.ok, JSON.stringify(read));
  return read.error;
}

const LEAVES = Object.fromEntries(
  ['a', 'b', 'c', 'd', 'e'].map((name) => [`${name}/Cargo.toml`, manifest(name)]),
);

test('path dependencies outside are found in every table that cargo reads', async (t) => {
  const place = placeOf(t, {
    ...LEAVES,
    'app/Cargo.toml': manifest(
      'app',
      `[dependencies]
a = { path = "../a", optional = true }
inside = { path = "./inside" }
[build-dependencies.b]
path = '../b'
[dev-dependencies]
c = { path = "../c" }
[target.'cfg(windows)'.dependencies]
d = { path = "../x/../d" }
[patch.crates-io]
e = { path = "../e" }
`,
    ),
    'app/src/main.rs': '',
    'app/inside/Cargo.toml': manifest('inside'),
  });
  assert.deepEqual(await outside(place, 'app'), ['a', 'b', 'c', 'd', 'e']);
});

test('those of other members, inherited, of dependencies and of their workspaces are found, too', async (t) => {
  const place = placeOf(t, {
    ...LEAVES,
    'ws/Cargo.toml': `[workspace]
members = ["one", "two"]
[workspace.dependencies]
a = { path = "../a" }
unused = { path = "../nowhere" }
[replace]
"e:0.1.0" = { path = "../e" }
`,
    'ws/one/Cargo.toml': manifest('one', '[dependencies]\na.workspace = true\n'),
    'ws/one/src/main.rs': '',
    'ws/two/Cargo.toml': manifest('two', '[dependencies]\nm = { path = "../../other/m" }\n'),
    'other/Cargo.toml': `[workspace]
members = ["m", "never"]
[workspace.dependencies]
c = { path = "../c" }
`,
    'other/m/Cargo.toml': manifest(
      'm',
      '[dependencies]\nc = { workspace = true }\n[dev-dependencies]\nz = { path = "../../z" }\n',
    ),
    'c/Cargo.toml': manifest('c', '[build-dependencies]\nd = { path = "../d" }\nc = { path = "." }\n'),
  });
  assert.deepEqual(await outside(place, 'ws/one'), ['a', 'c', 'd', 'e', 'other manifest', 'other/m']);
});

test('a folder that contains the workspace, and one inside another, are taken once', async (t) => {
  const place = placeOf(t, {
    'repo/Cargo.toml': manifest('repo', '[workspace]\nexclude = ["app"]\n'),
    'repo/src/lib.rs': '',
    'repo/app/Cargo.toml': manifest(
      'app',
      '[dependencies]\nrepo = { path = ".." }\nsub = { path = "../sub" }\n[workspace]\n',
    ),
    'repo/app/src/main.rs': '',
    'repo/sub/Cargo.toml': manifest('sub'),
  });
  assert.deepEqual(await outside(place, 'repo/app'), ['repo']);
});

test('a package may be a member of a workspace that is beside it, and a member may be a link', async (t) => {
  const place = placeOf(t, {
    'ws/Cargo.toml': '[workspace]\nmembers = ["../app", "links/*"]\n',
    'app/Cargo.toml': manifest('app').replace('[package]\n', '[package]\nworkspace = "../ws"\n'),
    'app/src/main.rs': '',
    'far/m/Cargo.toml': manifest('m', '[dependencies]\na = { path = "../../../a" }\n'),
    'ws/links/note.txt': '',
    ...LEAVES,
  });
  symlinkSync('../../far/m', join(place, 'ws/links/m'));
  const read = await readCrate(join(place, 'app'), USUAL);
  assert.ok(read.ok, JSON.stringify(read));
  assert.equal(read.value.root, join(place, 'ws'));
  assert.deepEqual(await outside(place, 'app'), ['a', 'app', 'ws/links/m']);
  assert.equal(crateAt(read.value as unknown as Project), '/job/project/app');
});

test('a link that leads out of the workspace is followed, one that stays inside is not needed', async (t) => {
  const place = placeOf(t, {
    'far/a/Cargo.toml': manifest('a', '[dependencies]\nb = { path = "../b" }\n'),
    'ws/b/Cargo.toml': manifest('b'),
    'ws/Cargo.toml': manifest('app', '[dependencies]\na = { path = "a" }\nc = { path = "c" }\n'),
    'ws/src/main.rs': '',
    'ws/real-c/Cargo.toml': manifest('c'),
  });
  symlinkSync('../far/a', join(place, 'ws/a'));
  symlinkSync('real-c', join(place, 'ws/c'));
  // `../b` of it is the workspace's, as cargo takes paths by their names.
  assert.deepEqual(await outside(place, 'ws'), ['ws/a']);
  const read = await readCrate(join(place, 'ws'), USUAL);
  assert.equal(read.ok && read.value.outside?.[0]?.real, join(place, 'far/a'));
});

test('a dependency that is not there is named with its place in the manifest', async (t) => {
  const place = placeOf(t, {
    ...LEAVES,
    'app/Cargo.toml': manifest(
      'app',
      `[dependencies]
a = { path = "../a" }
# path = "../gone"
[target.'cfg(unix)'.dev-dependencies.gone]
version = "1"
path = "../gone"
`,
    ),
    'app/src/main.rs': '',
    'deep/Cargo.toml': manifest('deep', '[dependencies]\na = { path = "../a" }\n'),
    'deep/src/main.rs': '',
    'a/Cargo.toml': manifest('a', '[dependencies]\nlost = { version = "1", path = "../lost" }\n'),
    'ws/Cargo.toml': `[workspace]\nmembers = ["m"]\n[workspace.dependencies]\nw = { path = "../w" }\n[patch.crates-io]\np = { path = '../../p' }\n`,
    'ws/m/Cargo.toml': manifest('m'),
    'ws/m/src/main.rs': '',
  });
  // The first is of `a`, which comes first.
  put(place, { 'a/Cargo.toml': manifest('a') });
  const gone = await failure(place, 'app');
  assert.equal(gone.code, 'recipe/no-dependency');
  assert.match(gone.what, /`gone`.*\/gone`/);
  assert.deepEqual([gone.at?.line, gone.at?.column, gone.at?.text], [11, 8, 'path = "../gone"']);
  put(place, {
    'a/Cargo.toml': manifest('a', '[dependencies]\nlost = { version = "1", path = "../lost" }\n'),
  });
  const lost = await failure(place, 'deep');
  assert.deepEqual([lost.at?.file, lost.at?.line, lost.at?.column], [join(place, 'a/Cargo.toml'), 7, 32]);
  const patch = await failure(place, 'ws/m');
  assert.deepEqual([patch.at?.line, patch.at?.column], [6, 14]);
});

test('an absolute path is refused, with what to write in its place', async (t) => {
  const place = placeOf(t, { ...LEAVES });
  put(place, {
    'app/Cargo.toml': manifest('app', `[dependencies]\na = { path = "${join(place, 'a')}" }\n`),
    'app/src/main.rs': '',
  });
  const refused = await failure(place, 'app');
  assert.equal(refused.code, 'recipe/path-outside');
  assert.match(refused.fix[0] as string, /`path = "\.\.\/a"`/);
  assert.deepEqual([refused.at?.line, refused.at?.column], [7, 14]);
});

test('the sandbox path of a crate, and the names in a program, follow from what it needs', () => {
  const project = { root: '/home/me/code/app', folder: '/home/me/code/app/cli' } as Project;
  const at = (folder: string) => ({ folder, real: folder });
  assert.deepEqual([projectRoot(project), crateAt(project)], ['/home/me/code/app', '/job/project/cli']);
  assert.deepEqual(renamedPaths(project), []);
  const beside = { ...project, outside: [at('/home/me/code/x'), at('/home/me/y/z')] };
  assert.deepEqual([projectRoot(beside), crateAt(beside)], ['/home/me', '/job/project/code/app/cli']);
  assert.deepEqual(renamedPaths(beside), [
    ['/job/project/y/z', 'z'],
    ['/job/project/code/x', 'x'],
    ['/job/project/code/app', 'project'],
  ]);
  const far = { ...project, outside: [at('/opt/x')] };
  assert.deepEqual([projectRoot(far), crateAt(far)], ['/', '/job/project/home/me/code/app/cli']);
});

test("crates that cargo's configuration in the project replaces are found as well", async (t) => {
  const config = '[patch.crates-io]\na = { path = "../a" }\nb = { path = "b" }\n';
  const place = placeOf(t, {
    ...LEAVES,
    'app/Cargo.toml': manifest('app'),
    'app/src/main.rs': '',
    'app/b/Cargo.toml': manifest('b'),
    'app/.cargo/config.toml': `paths = ["../c"]\n${config}`,
    // Other projects have this one above them, too.
    '.cargo/config.toml': 'paths = ["d"]\n',
  });
  assert.deepEqual(await outside(place, 'app'), ['a', 'c']);
  put(place, { 'app/.cargo/config.toml': config.replace('../a', '../none') });
  const lost = await failure(place, 'app');
  assert.equal(lost.code, 'recipe/no-dependency');
  assert.match(lost.at?.file ?? '', /app\/\.cargo\/config\.toml$/);
  assert.equal(lost.at?.line, 2);
  put(place, { 'app/.cargo/config.toml': `[patch.crates-io]\na = { path = "${place}/a" }\n` });
  assert.equal((await failure(place, 'app')).code, 'recipe/path-outside');
});
