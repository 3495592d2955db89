import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliRun, provision, temporaryFolder } from './cli.ts';
import { put } from './crate.ts';

const MAIN = `fn main() {
    print!("{}|{}|{}", include_str!("../artifacts/model.txt"), env!("COMMIT"), beside::word());
}
`;

/** Reads what many build scripts read to name the commit that a program was built of. */
const BUILD = `fn main() {
    let head = std::fs::read_to_string(".git/HEAD").unwrap();
    let branch = head.trim().strip_prefix("ref: ").unwrap();
    let commit = std::fs::read_to_string(format!(".git/{branch}")).unwrap();
    println!("cargo:rustc-env=COMMIT={}", commit.trim());
    println!("cargo:rerun-if-changed=.git/HEAD");
    println!("cargo:rerun-if-changed=.git/{branch}");
}
`;

/** Asks cargo to watch the file, as the build scripts of PyO3 do. */
const WATCHING = `fn main() {
    let config = std::env::var("PYO3_CONFIG_FILE").unwrap();
    assert!(std::fs::read_to_string(&config).unwrap().contains("implementation=CPython"));
    println!("cargo:rerun-if-env-changed=PYO3_CONFIG_FILE");
    println!("cargo:rerun-if-changed={config}");
}
`;

const LOCK = `version = 4

[[package]]
name = "beside"
version = "0.1.0"

[[package]]
name = "edited"
version = "0.1.0"
dependencies = ["beside", "watching"]

[[package]]
name = "watching"
version = "0.1.0"
`;

function manifest(name: string, more = ''): string {
  return `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n${more}`;
}

export interface Engine {
  /** Options that choose it. */
  readonly args: readonly string[];
  readonly store: string;
}

/**
 * A program that consists of a file in `artifacts`, the commit that it is built of, and a crate outside of its
 * workspace: each is changed, and the program has to follow; what is not changed is not compiled again.
 */
export async function programFollowsEdits(
  t: { after(done: () => void): void },
  { args, store }: Engine,
): Promise<void> {
  const place = temporaryFolder(t, 'provision edited ü ');
  const crate = join(place, 'workspace');
  const git = (...words: readonly string[]): string =>
    execFileSync('git', ['-C', crate, '-c', 'user.name=A', '-c', 'user.email=a@example.org', ...words], {
      encoding: 'utf8',
    }).trim();
  put(place, {
    'workspace/Cargo.toml': manifest(
      'edited',
      '[dependencies]\nbeside = { path = "../crates/beside" }\nwatching = { path = "watching" }\n[workspace]\n',
    ),
    'workspace/Cargo.lock': LOCK,
    'workspace/build.rs': BUILD,
    'workspace/src/main.rs': `${MAIN}// ${randomUUID()}\n`,
    'workspace/artifacts/model.txt': 'one',
    'workspace/watching/Cargo.toml': manifest('watching'),
    'workspace/watching/src/lib.rs': '',
    'workspace/watching/build.rs': WATCHING,
    'workspace/provision.yaml':
      'schema: 1\nextends: aarch64\nproject: {profile: dev}\ntests: {commands: [{name: shows}]}\n',
    'crates/Cargo.toml':
      '[workspace]\nmembers = ["beside", "not-there"]\n[workspace.package]\nedition = "2021"\n',
    'crates/beside/Cargo.toml': '[package]\nname = "beside"\nversion = "0.1.0"\nedition.workspace = true\n',
    'crates/beside/src/lib.rs': 'pub fn word() -> &\'static str { "first" }\n',
  });
  git('init', '--quiet', '--initial-branch', 'main');
  git('commit', '--quiet', '--allow-empty', '--message', 'one');
  const run = async (): Promise<{
    readonly shown: string;
    readonly compiled: readonly string[];
    readonly run: CliRun;
  }> => {
    const ended = await provision(['run', ...args], { cwd: crate, store, timeoutMs: 20 * 60_000 });
    assert.equal(ended.status, 0, ended.stdout + ended.stderr);
    const artifacts = join(crate, 'artifacts', 'aarch64');
    const report = JSON.parse(readFileSync(join(artifacts, 'report.json'), 'utf8')) as {
      readonly samples: readonly { readonly target: { readonly stdout: string } }[];
    };
    const log = readFileSync(join(artifacts, 'logs', 'build.log'), 'utf8');
    const compiled = [...log.matchAll(/^ +Compiling (\S+)/gm)].map(([, name]) => name as string).sort();
    return { shown: report.samples[0]?.target.stdout ?? '', compiled, run: ended };
  };

  const first = await run();
  assert.equal(first.shown, `one|${git('rev-parse', 'HEAD')}|first`);
  assert.deepEqual(first.compiled, ['beside', 'edited', 'watching']);

  // What a run writes into the project is no source of it.
  const again = await run();
  assert.match(again.run.stdout, /^build: cached/m);

  put(crate, { 'src/main.rs': `${MAIN}// ${randomUUID()}\n` });
  assert.deepEqual((await run()).compiled, ['edited'], 'only what was edited is compiled');

  put(place, {
    'workspace/artifacts/model.txt': 'two',
    'crates/beside/src/lib.rs': 'pub fn word() -> &\'static str { "second" }\n',
  });
  git('commit', '--quiet', '--allow-empty', '--message', 'two');
  const changed = await run();
  assert.equal(changed.shown, `two|${git('rev-parse', 'HEAD')}|second`);
  assert.deepEqual(changed.compiled, ['beside', 'edited']);
}
