// What a build sees is what its fingerprint counts: a program follows every change of it, and nothing else.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  finish,
  provision,
  SHARED_STORE,
  startProvision,
  temporaryFolder,
  untilPrinted,
} from '../support/cli.ts';
import { crateOf, put } from '../support/crate.ts';
import { programFollowsEdits } from '../support/edited-project.ts';

test('a program follows its sources, wherever they are, and an edit compiles what was edited', async (t) => {
  await programFollowsEdits(t, { args: ['--engine', 'namespace'], store: SHARED_STORE });
});

const UNWATCHED = {
  'Cargo.toml':
    '[package]\nname = "unwatched"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nlists = {path = "lists"}\n[workspace]\n',
  'Cargo.lock':
    'version = 4\n\n[[package]]\nname = "lists"\nversion = "0.1.0"\n\n[[package]]\nname = "unwatched"\nversion = "0.1.0"\ndependencies = ["lists"]\n',
  // Names nothing to watch, and reads what is in no package.
  'build.rs': `fn main() {
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let commit = read(&format!(".git/{}", read(".git/HEAD").trim().strip_prefix("ref: ").unwrap()));
    let word = std::env::var("WORD").unwrap();
    println!("cargo:rustc-env=READ={} {word} {}", commit.trim(), read("lists/data/word.txt"));
}
`,
  'src/main.rs': 'fn main() { print!("{} {}", env!("READ"), lists::data!()) }\n',
  'lists/Cargo.toml':
    '[package]\nname = "lists"\nversion = "0.1.0"\nedition = "2021"\n[lib]\nproc-macro = true\n',
  'lists/src/lib.rs': `#[proc_macro]
pub fn data(_: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let folder = std::fs::read_dir("lists/data").unwrap();
    let mut names: Vec<_> = folder.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let word = std::env::var("WORD").unwrap();
    format!("{:?}", format!("{} {word}", names.join(","))).parse().unwrap()
}
`,
  'lists/data/word.txt': 'one',
};

const recipeWith = (word: string): string =>
  `schema: 1\nextends: x86_64\npython: {from: packages}\nproject: {profile: dev, env: {WORD: ${word}}}\ntests: {commands: [{name: shows}]}\n`;

test('a build script that names nothing to watch, and a macro that lists a folder, follow what they read', async (t) => {
  const crate = crateOf(t, { ...UNWATCHED, 'provision.yaml': recipeWith('early') });
  const git = (...words: readonly string[]): string =>
    execFileSync('git', ['-C', crate, '-c', 'user.name=A', '-c', 'user.email=a@example.org', ...words], {
      encoding: 'utf8',
    }).trim();
  const commit = () => git('commit', '--quiet', '--allow-empty', '--message', 'one');
  git('init', '--quiet', '--initial-branch', 'main');
  const follows = async (word: string, text: string, names: string): Promise<void> => {
    const run = await provision(['run'], { cwd: crate, store: SHARED_STORE, timeoutMs: 600_000 });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const report = readFileSync(join(crate, 'artifacts', 'x86_64', 'report.json'), 'utf8');
    const { samples } = JSON.parse(report) as {
      readonly samples: readonly { readonly target: { readonly stdout: string } }[];
    };
    assert.equal(samples[0]?.target.stdout, `${git('rev-parse', 'HEAD')} ${word} ${text} ${names} ${word}`);
  };
  commit();
  await follows('early', 'one', 'word.txt');
  commit();
  put(crate, { 'lists/data/word.txt': 'two' });
  await follows('early', 'two', 'word.txt');
  put(crate, { 'lists/data/more.txt': '' });
  await follows('early', 'two', 'more.txt,word.txt');
  put(crate, { 'provision.yaml': recipeWith('late') });
  await follows('late', 'two', 'more.txt,word.txt');
});

const FILES = {
  'Cargo.toml': '[package]\nname = "open"\nversion = "0.1.0"\nedition = "2021"\n',
  'Cargo.lock': 'version = 4\n\n[[package]]\nname = "open"\nversion = "0.1.0"\n',
  'src/main.rs': 'fn main() { print!("{}", include_str!("../node_modules/word.txt")) }\n',
  'src/word.txt': 'earlier\n',
  'node_modules/word.txt': 'hidden',
  'provision.yaml':
    'schema: 1\nextends: aarch64\nproject: {profile: dev}\ntests: {commands: [{name: shows}]}\n',
};

test('a shell follows what is edited while it is open', async (t) => {
  const crate = crateOf(t, FILES);
  const script = 'cat src/word.txt; until grep later src/word.txt; do sleep 0.1; done; ls node_modules';
  const child = startProvision(['shell', '--', 'sh', '-c', script], { cwd: crate, store: SHARED_STORE });
  const ended = finish(child, 120_000);
  await untilPrinted(child, 'earlier');
  put(crate, { 'src/word.txt': 'later\n' });
  const { status, stdout, stderr } = await ended;
  assert.deepEqual([status, stdout], [2, 'earlier\nlater\n'], stderr);
  assert.match(stderr, /node_modules.*No such file/);
});

test('a build that reads what no build sees fails, and says why it is not there', async (t) => {
  const crate = crateOf(t, FILES);
  const failed = await provision(['run'], { cwd: crate, store: SHARED_STORE });
  assert.equal(failed.status, 6, failed.stdout + failed.stderr);
  const said = failed.stderr.replaceAll(/\s+/g, ' ');
  assert.match(said, /`node_modules` is not visible to a build: it is the package folder of another tool/);
});

test('a manifest that names a file outside of the workspace fails, and says that it is outside', async (t) => {
  const place = temporaryFolder(t);
  put(join(place, 'crate'), {
    ...FILES,
    'Cargo.toml': `${FILES['Cargo.toml']}[[bin]]\nname = "open"\npath = "../shared/main.rs"\n`,
  });
  put(place, { 'shared/main.rs': 'fn main() {}\n' });
  const failed = await provision(['run'], { cwd: join(place, 'crate'), store: SHARED_STORE });
  assert.notEqual(failed.status, 0, failed.stdout);
  const said = failed.stderr.replaceAll(/\s+/g, ' ');
  assert.match(said, /`\.\.\/shared\/main\.rs` is outside of the workspace/);
});

test('a path dependency that is not there is a mistake in the manifest', async (t) => {
  const place = temporaryFolder(t);
  put(place, {
    'crate/Cargo.toml': `${FILES['Cargo.toml']}[dependencies]\nlost = { path = "../lost" }\n`,
    'crate/src/main.rs': '',
  });
  const run = await provision(['run', 'aarch64', '--project', join(place, 'crate')], {
    cwd: place,
    store: SHARED_STORE,
  });
  assert.equal(run.status, 2, run.stdout + run.stderr);
  assert.match(run.stderr, /recipe\/no-dependency[\s\S]*Cargo\.toml:6:17/);
});
