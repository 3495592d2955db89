import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';

/** A recipe that every file of the home below fits. */
export const RECIPE = `schema: 1
description: A program for the far machine.
target: far
toolchain: tools
sysroot: packaged
python: {version: '3.13'}
project:
  path: ../crate
  bin: program
samples:
  path: ../crate/samples
`;

/** What recipes that say nothing of it build. */
export const DEFAULTS = `schema: 1
description: The usual program for {platform}.
project:
  path: ../crate
  bin: program
samples:
  path: ../crate/samples
`;

export const TARGET = `schema: 1
description: The far machine.
name: far
tier: 3
clang-triple: far-linux-gnu
multiarch: far-linux-gnu
debian-arch: far
oci-platform: linux/far
machine: far64
libc: far-gnu-1
pointer-width: 64
endianness: little
elf:
  machine: Far Machine
  number: 4660
  interpreter: /lib/ld-linux-far.so.1
runtime: qemu-user
emulator:
  program: qemu-far
`;

/** A C library of a kind; of its packages `{multiarch}` is a part. */
export const LIBC = `schema: 1
description: The C library of the far machine.
kind: gnu
suite: trixie
link:
  packages: [libc6-dev]
run:
  packages: [libc6]
`;

/** A system of the far machine, whose C library is that of the target. */
export const SYSTEM = `schema: 1
description: The far system.
libc: gnu
glibc: "2.41"
suite: trixie
architectures: [far]
root: far-gnu-1
`;

export const IMAGE = `schema: 1
description: Host tools.
suite: trixie
architectures: [near]
packages: [clang-19, lld-19]
without: [gcc]
exclude: [usr/share/games/**]
links:
  bin/sh: dash
files:
  etc/hostname: |
    provision
tools:
  cc: clang-19
  python: "python3.13"
rust-std:
  gnu: {packages: [libstd-rust-dev], without: [libstd-rust]}
  musl: source
  wasi: {packages: [libstd-rust-dev-wasi]}
`;

export const PYTHON = `schema: 1
description: CPython of the suite.
implementation: CPython
version: "3.13"
suite: trixie
forms:
  packaged: {}
`;

/** The reference interpreter of every Python. */
export const REFERENCE = `schema: 1
description: The reference interpreter.
suite: "{suite}"
architectures: [near]
packages: ["python{python}"]
tools:
  python: "python{python}"
`;

export const SYSROOT = `schema: 1
kind: packages
description: CPython {python} for {target}.
libc: gnu
default: true
toolchain: tools
sysroot:
  packages: ["libpython{python}-dev"]
`;

const NEAR_TARGET = TARGET.replaceAll('far-linux', 'near-linux')
  .replaceAll('far64', 'near64')
  .replace('name: far', 'name: near')
  .replace('debian-arch: far', 'debian-arch: near')
  .replace('linux/far', 'linux/near')
  .replace('qemu-far64', 'qemu-near64');

const FILES: Readonly<Record<string, string>> = {
  'recipes/defaults.yaml': DEFAULTS,
  'recipes/far.yaml': RECIPE,
  'targets/far-unknown-linux-gnu.yaml': TARGET,
  'targets/near-unknown-linux-gnu.yaml': NEAR_TARGET,
  'targets/libc/far-gnu-1.yaml': LIBC,
  'docker/tools/image.yaml': IMAGE,
  'pythons/cpython-3.13/python.yaml': PYTHON,
  'pythons/reference.yaml': REFERENCE,
  'pythons/tests.yaml': REFERENCE.replace('"python{python}"]', '"libpython{python}-testsuite"]'),
  'sysroots/packaged/sysroot.yaml': SYSROOT,
  'crate/Cargo.toml': '[package]\nname = "program"\n',
  'crate/src/main.rs': 'fn main() {}\n',
  'crate/samples/hello.py': 'print("hello")\n',
};

/**
 * A folder with recipes/, targets/, pythons/, docker/ and sysroots/ of made-up machines; `files` are put over it, and an
 * `undefined` one is left out.
 */
export function definitionsHome(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array | undefined>> = {},
): string {
  const home = mkdtempSync(join(tmpdir(), 'provision home ü '));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  for (const [name, content] of Object.entries({ ...FILES, ...files })) {
    if (content === undefined) continue;
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), content);
  }
  return home;
}
