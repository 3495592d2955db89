import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import floors from '../docs/glibc-floors.json' with { type: 'json' };
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

test('the glibc that the README states for aarch64 is the one that its bundle needs', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'one.py'), 'print(1)\n');
  const run = await provision(['run', 'aarch64', '--samples', 'one.py'], {
    cwd: folder,
    store: SHARED_STORE,
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const artifacts = join(folder, 'artifacts', 'aarch64');
  const bundle = readdirSync(artifacts).find((name) => name.endsWith('.tar.gz')) as string;
  const { stdout } = await provision(['inspect', join(artifacts, bundle), '--json']);
  const { libc } = JSON.parse(stdout) as { readonly libc: { readonly floor: string } };
  assert.equal(libc.floor, floors.aarch64);
});

test('a program that asks for a newer glibc than the recipe allows is a failure with files and symbols', async (t) => {
  const folder = temporaryFolder(t);
  // Its Python starts with 2.38; what the program calls came with 2.39.
  const recipe = (glibc: string) => `schema: 1
extends: aarch64
python: {from: packages}
glibc: "${glibc}"
tests: {commands: [{name: starts}]}
`;
  put(folder, {
    'Cargo.toml': '[package]\nname = "newer"\nversion = "0.1.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "newer"\nversion = "0.1.0"\n',
    'src/main.rs':
      'unsafe extern "C" {\n    fn pidfd_getpid(fd: i32) -> i32;\n}\nfn main() {\n    assert!(unsafe { pidfd_getpid(-1) } < 0);\n}\n',
    'provision.yaml': recipe('2.38'),
  });
  const run = () => provision(['run'], { cwd: folder, store: SHARED_STORE });
  const refused = await run();
  assert.equal(refused.status, 6, refused.stdout + refused.stderr);
  const text = refused.stderr.replaceAll(/\s+/g, ' ');
  assert.match(text, /error\[build\/glibc-too-new\]: The bundle needs glibc 2\.39/);
  assert.match(text, /bin\/newer: GLIBC_2\.39 \(pidfd_getpid\)/);
  assert.match(text, /write `glibc: "2\.39"`/);
  // The cure that is printed.
  writeFileSync(join(folder, 'provision.yaml'), recipe('2.39'));
  const allowed = await run();
  assert.equal(allowed.status, 0, allowed.stdout + allowed.stderr);
});

test('a crate whose C code calls what the older C library lacks is a failure with function, release, source and the cure', async (t) => {
  const folder = temporaryFolder(t, 'provision floor ü ');
  const recipe =
    'schema: 1\nextends: aarch64\nproject: {profile: dev}\ntests: {commands: [{name: starts}]}\n';
  put(folder, {
    'Cargo.toml': '[package]\nname = "newer"\nversion = "0.1.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "newer"\nversion = "0.1.0"\n',
    'build.rs': `use std::process::Command;

fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    let object = format!("{out}/a.o");
    let done = |command: &mut Command| assert!(command.status().unwrap().success());
    done(Command::new("clang-19").args(["--target=aarch64-linux-gnu", "-g", "-c", "a.c", "-o", &object]));
    done(Command::new("ar").args(["rcs", &format!("{out}/liba.a"), &object]));
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rustc-link-lib=static=a");
}
`,
    'a.c':
      'int close_range(unsigned, unsigned, int);\nint newer(void) { return close_range(100, 101, 0); }\n',
    'src/main.rs':
      'unsafe extern "C" {\n    fn newer() -> i32;\n}\nfn main() {\n    std::process::exit(unsafe { newer() });\n}\n',
    'provision.yaml': recipe,
  });
  const run = () => provision(['run'], { cwd: folder, store: SHARED_STORE });
  const refused = await run();
  assert.equal(refused.status, 6, refused.stdout + refused.stderr);
  const text = refused.stderr.replaceAll(/\s+/g, ' ');
  assert.match(
    text,
    /error\[build\/glibc-too-new\]: .* glibc 2\.31, does not have: close_range \(glibc 2\.34\)/,
  );
  assert.match(text, /Brought by `newer`\./);
  assert.match(text, /close_range: a\.c:2 /);
  assert.match(text, /close_range: a\.o:\(newer\) in archive/);
  // The cure that is printed.
  assert.match(text, /write `python: \{from: packages\}`/);
  writeFileSync(join(folder, 'provision.yaml'), `${recipe}python: {from: packages}\n`);
  const allowed = await run();
  assert.equal(allowed.status, 0, allowed.stdout + allowed.stderr);
});
