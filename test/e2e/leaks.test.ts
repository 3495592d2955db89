// Programs that would not run on other machines, each for a reason that a real project could have.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

const FILES: Readonly<Record<string, string>> = {
  'Cargo.toml':
    '[package]\nname = "broken"\nversion = "0.1.0"\nedition = "2021"\n\n[[bin]]\nname = "broken"\npath = "main.rs"\n',
  'Cargo.lock': 'version = 4\n\n[[package]]\nname = "broken"\nversion = "0.1.0"\n',
  'main.rs': 'fn main() { println!("{}", std::env::args().count()); }\n',
  'provision.yaml': 'schema: 1\nextends: aarch64\n',
};

interface Outcome {
  readonly status: number | null;
  readonly code: string | undefined;
  readonly notices: readonly string[];
  readonly stderr: string;
}

/** Builds a crate with these files in addition to the default ones. */
async function build(
  t: { after(done: () => void): void },
  files: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const folder = join(temporaryFolder(t, 'provision leaks ü '), 'crate');
  for (const [name, text] of Object.entries({ ...FILES, ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text.replaceAll('{project}', folder));
  }
  const run = await provision(['run'], { cwd: folder, store: SHARED_STORE, timeoutMs: 30 * 60_000 });
  const report = JSON.parse(readFileSync(join(folder, 'artifacts/aarch64/report.json'), 'utf8'));
  return {
    status: run.status,
    code: report.failure?.code,
    notices: report.notices.map(({ code }: { code: string }) => code),
    stderr: run.stderr,
  };
}

const linked = (argument: string): Readonly<Record<string, string>> => ({
  'build.rs': `fn main() { println!("cargo:rustc-link-arg-bins=${argument}"); }\n`,
});

test('a program without leaks is bundled', async (t) => {
  const { status, notices, stderr } = await build(t, {});
  assert.equal(status, 0, stderr);
  assert.ok(!notices.includes('build/sandbox-path'));
});

test('a library search path of the build machine is an error', async (t) => {
  const { status, code } = await build(t, linked('-Wl,-rpath,/usr/lib/llvm-19/lib'));
  assert.deepEqual([status, code], [6, 'build/leak-rpath']);
});

test('a program interpreter that the target lacks is an error', async (t) => {
  const { status, code } = await build(t, linked('-Wl,--dynamic-linker=/opt/mine/ld.so'));
  assert.deepEqual([status, code], [6, 'build/wrong-interpreter']);
});

test('a Python other than that of the sysroot is an error', async (t) => {
  const { status, code } = await build(t, {
    // A library of that name, as a build script would link it that uses another Python.
    'build.rs': `use std::process::Command;

fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    let library = format!("{out}/libpython3.11.so");
    let made = Command::new("clang-19")
        .args(["--target=aarch64-linux-gnu", "--sysroot=/sysroot", "-fuse-ld=lld-19", "-nostdlib", "-shared"])
        .args(["-Wl,-soname,libpython3.11.so.1.0", "-x", "c", "/dev/null", "-o", &library])
        .status()
        .unwrap();
    assert!(made.success());
    println!("cargo:rustc-link-arg-bins=-Wl,--no-as-needed,{library}");
}
`,
  });
  assert.deepEqual([status, code], [6, 'build/leak-libpython']);
});

test('a path of the build machine in the program is an error', async (t) => {
  const { status, code, stderr } = await build(t, {
    'main.rs': 'fn main() { println!("{}", std::fs::read_to_string("{project}/data.txt").unwrap()); }\n',
  });
  assert.deepEqual([status, code], [6, 'build/leak-path'], stderr);
});

test('a path of the sandbox in the program gives a notice', async (t) => {
  const { status, notices } = await build(t, {
    'main.rs':
      'fn main() { println!("{:?}", std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/data.txt"))); }\n',
  });
  assert.equal(status, 0);
  assert.ok(notices.includes('build/sandbox-path'), notices.join());
});
