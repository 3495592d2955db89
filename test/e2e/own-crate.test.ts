// A user's crate: a workspace member, on a path that needs quoting, with a provision.yaml that extends a recipe.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { type CliRun, provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

interface Report {
  readonly status: string;
  readonly recipe: string;
  readonly stages: readonly { readonly name: string; readonly outcome: string }[];
  readonly samples: readonly {
    readonly name: string;
    readonly status: string;
    readonly by?: string;
    readonly target?: { readonly stdout: string };
  }[];
  readonly bundle?: { readonly file: string; readonly digest: string };
  readonly notices: readonly { readonly code: string }[];
}

const MAIN = `use pyo3::prelude::*;
use std::ffi::CString;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let code = match args.first().map(String::as_str) {
        Some("hello") => return println!("{}", helper::greeting()),
        Some("run") => std::fs::read_to_string(&args[1]).expect("a script"),
        _ => std::process::exit(2),
    };
    Python::initialize();
    let failed = Python::attach(|py| {
        let sys = py.import("sys").unwrap();
        sys.setattr("argv", args[1..].to_vec()).unwrap();
        let ran = py.run(&CString::new(code).unwrap(), None, None).inspect_err(|e| e.print(py));
        sys.getattr("stdout").unwrap().call_method0("flush").unwrap();
        ran.is_err()
    });
    std::process::exit(failed.into());
}

#[cfg(test)]
mod tests {
    use pyo3::prelude::*;

    #[test]
    fn greets() {
        assert_eq!(helper::greeting(), "hello");
    }

    #[test]
    fn python_adds() {
        Python::initialize();
        let sum: i32 = Python::attach(|py| py.eval(c"__import__('json').loads('41') + 1", None, None)?.extract()).unwrap();
        assert_eq!(sum, 42);
    }
}
`;

const RECIPE = `schema: 1
extends: aarch64
project:
  path: app
  profile: dev
samples:
  args: [run, "{script}", "{args}"]
  env: {GREETING: "héllo"}
tests:
  cargo: {}
  commands:
    - {name: hello, args: [hello], stdout: "hello\\n"}
    - {name: nothing, status: 2, stdout: ""}
    - {name: as-python, args: [run, /dev/stdin], stdin: "print(6 * 7)\\n", reference: [/dev/stdin]}
`;

const SAMPLE = `# /// sample
# title: What the program is given
# argv: one "two words"
# ///
import json, os, sys
print(json.dumps(sys.argv[1:]), os.environ["GREETING"])
`;

/** The locked crates of the shipped program are used for this crate too. */
function lock(): string {
  const shipped = readFileSync(join(REPOSITORY, 'runner', 'Cargo.lock'), 'utf8');
  const others = shipped.split(/(?=^\[\[package\]\]$)/m).filter((part) => !part.includes('name = "isolate"'));
  return `${others.join('').trimEnd()}

[[package]]
name = "app"
version = "0.1.0"
dependencies = [
 "helper",
 "pyo3",
]

[[package]]
name = "helper"
version = "0.1.0"
`;
}

let place = '';
let crate = '';
let first: CliRun;

function report(at: string): Report {
  return JSON.parse(readFileSync(join(at, 'artifacts', 'aarch64', 'report.json'), 'utf8')) as Report;
}

before(async () => {
  place = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision own ü ');
  crate = join(place, 'my crate, with spaces');
  put(crate, {
    'Cargo.toml': '[workspace]\nmembers = ["app", "helper"]\nresolver = "2"\n',
    'Cargo.lock': lock(),
    'app/Cargo.toml':
      '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nhelper = { path = "../helper" }\npyo3 = { version = "0.30.1", default-features = false }\n',
    // A different crate each time, so that no cached results of an earlier run of the tests are used.
    'app/src/main.rs': `${MAIN}// ${randomUUID()}\n`,
    'helper/Cargo.toml': '[package]\nname = "helper"\nversion = "0.1.0"\nedition = "2021"\n',
    'helper/src/lib.rs': 'pub fn greeting() -> &\'static str {\n    "hello"\n}\n',
    'provision.yaml': RECIPE,
    'samples/given.py': SAMPLE,
  });
  first = await provision(['run'], { cwd: join(crate, 'app'), store: SHARED_STORE, timeoutMs: 30 * 60_000 });
});

test('one command builds and bundles a crate, and runs its samples, commands and cargo tests on the target', () => {
  assert.equal(first.status, 0, first.stdout + first.stderr);
  const { samples, recipe, bundle } = report(join(crate, 'app'));
  assert.equal(recipe, 'aarch64');
  assert.deepEqual(samples.map(({ name, status, by = 'sample' }) => [name, status, by]).sort(), [
    ['cargo/src/main.rs/tests::greets', 'passed', 'cargo'],
    ['cargo/src/main.rs/tests::python_adds', 'passed', 'cargo'],
    ['command/as-python', 'passed', 'command'],
    ['command/hello', 'passed', 'command'],
    ['command/nothing', 'passed', 'command'],
    ['given', 'passed', 'sample'],
  ]);
  const given = samples.find(({ name }) => name === 'given');
  assert.equal(given?.target?.stdout, '["one", "two words"] héllo\n');
  assert.match(bundle?.file ?? '', /app-aarch64-unknown-linux-gnu\.tar\.gz$/);
  assert.match(
    first.stdout.trimEnd().split('\n').at(-1) as string,
    /1 sample equals the reference, 5 tests pass/,
  );
  const log = readFileSync(join(crate, 'app', 'artifacts', 'aarch64', 'logs', 'cargo-test.log'), 'utf8');
  assert.match(log, /test tests::python_adds \.\.\. ok/);
  assert.deepEqual(readdirSync(crate).sort(), [
    'Cargo.lock',
    'Cargo.toml',
    'app',
    'helper',
    'provision.yaml',
    'samples',
  ]);
});

test('a symbolic link, a read-only file system and a huge target folder do not change the build or its fingerprint', {
  skip: process.getuid?.() === 0 ? false : 'only root mounts',
}, async (t) => {
  const away = temporaryFolder(t);
  const link = join(away, 'link ü');
  symlinkSync(crate, link);
  mkdirSync(join(crate, 'target'), { recursive: true });
  writeFileSync(join(crate, 'target', 'CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc55\n');
  const mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
  const run = await provision(['run', '--project', link], {
    cwd: away,
    store: SHARED_STORE,
    through: ['unshare', '--mount', 'sh', '-c', mount, crate],
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const { stages, bundle } = report(away);
  assert.deepEqual(
    stages.filter(({ outcome }) => outcome !== 'hit').map(({ name }) => name),
    [],
  );
  assert.equal(bundle?.digest, report(join(crate, 'app')).bundle?.digest);
});

test('a Cargo.lock that does not match the manifests is reported as stale', async (t) => {
  const away = temporaryFolder(t);
  const manifest = join(crate, 'app', 'Cargo.toml');
  const before = readFileSync(manifest, 'utf8');
  t.after(() => writeFileSync(manifest, before));
  appendFileSync(manifest, 'libc = "0.1"\n');
  const run = await provision(['run', '--project', crate], { cwd: away, store: SHARED_STORE });
  assert.equal(run.status, 6, run.stdout + run.stderr);
  assert.match(run.stderr, /build\/stale-cargo-lock/);
  assert.match(run.stderr, /cargo update --workspace/);
  assert.ok(existsSync(join(away, 'artifacts', 'aarch64', 'logs', 'build.log')));
});

test('packages of a recipe are locked beside it and linked; a crate without PyO3 is built with a notice', {
  skip: existsSync('/usr/bin/apt-get') ? false : 'apt is not on this machine',
}, async (t) => {
  const folder = temporaryFolder(t, 'provision packages ü ');
  put(folder, {
    'Cargo.toml': '[package]\nname = "linked"\nversion = "0.1.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "linked"\nversion = "0.1.0"\n',
    'src/main.rs': `#[link(name = "xxhash")]
extern "C" {
    fn XXH32(input: *const u8, length: usize, seed: u32) -> u32;
}

fn main() {
    let text = b"provision";
    println!("{:08x}", unsafe { XXH32(text.as_ptr(), text.len(), 0) });
}
`,
    'provision.yaml': `schema: 1
extends: aarch64
sysroot: {packages: [libxxhash-dev]}
tests: {commands: [{name: hashes}]}
`,
  });
  const unlocked = await provision(['run'], { cwd: folder, store: SHARED_STORE });
  assert.equal(unlocked.status, 3, unlocked.stderr);
  const locked = await provision(['lock'], { cwd: folder, store: SHARED_STORE });
  assert.equal(locked.status, 0, locked.stderr);
  assert.match(locked.stdout, /\+ libxxhash-dev:arm64 /);
  const lock = readFileSync(join(folder, 'provision.portable-gnu-cpython-3.13-aarch64.lock'), 'utf8');
  assert.match(lock, /"name": "libxxhash-dev".*"architecture": "arm64"/);

  const run = await provision(['run'], { cwd: folder, store: SHARED_STORE });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const { samples, bundle, notices } = report(folder);
  assert.deepEqual(
    samples.map(({ name, status }) => [name, status]),
    [['command/hashes', 'passed']],
  );
  assert.match(samples[0]?.target?.stdout ?? '', /^[0-9a-f]{8}\n$/);
  assert.ok(notices.some(({ code }) => code === 'build/no-pyo3'));
  const listed = execFileSync('tar', ['-tzf', join(folder, bundle?.file ?? '')], { encoding: 'utf8' });
  assert.match(listed, /\/lib\/libxxhash\.so\.0$/m);

  // Other packages are another definition, so the lock is stale.
  writeFileSync(
    join(folder, 'provision.yaml'),
    'schema: 1\nextends: aarch64\nsysroot: {packages: [liblz4-dev]}\n',
  );
  const stale = await provision(['run'], { cwd: folder, store: SHARED_STORE });
  assert.equal(stale.status, 3);
  assert.match(stale.stderr, /lock\/stale[\s\S]*`provision lock`/);
});
