import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';

/** A recipe that every file of the home below fits. */
export const RECIPE = `schema: 1
description: A program for the far machine.
target: far-unknown-linux-gnu
toolchain: tools
sysroot: far-python
reference: interpreter
project:
  path: ../crate
  bin: program
samples:
  path: ../crate/samples
`;

export const TARGET = `schema: 1
description: The far machine.
rust-triple: far-unknown-linux-gnu
clang-triple: far-linux-gnu
multiarch: far-linux-gnu
debian-arch: far
oci-platform: linux/far
machine: far64
libc: gnu
pointer-width: 64
endianness: little
elf:
  machine: Far Machine
  number: 4660
  interpreter: /lib/ld-linux-far.so.1
runner: qemu-user
emulator: qemu-far
`;

export const IMAGE = `schema: 1
description: Host tools.
suite: trixie
architecture: near
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
  python: python3.13
`;

export const SYSROOT = `schema: 1
kind: packages
description: CPython for the far machine.
suite: trixie
target: far-unknown-linux-gnu
architecture: far
python:
  implementation: CPython
  version: "3.13"
sysroot:
  packages: [libpython3.13-dev, libc6-dev]
rootfs:
  packages: [libc6]
`;

const FILES: Readonly<Record<string, string>> = {
  'recipes/far.yaml': RECIPE,
  'targets/far-unknown-linux-gnu.yaml': TARGET,
  'targets/near-unknown-linux-gnu.yaml': TARGET.replaceAll('far', 'near').replace(
    /runner: .*\nemulator: .*/,
    'runner: native',
  ),
  'docker/tools/image.yaml': IMAGE,
  'docker/interpreter/image.yaml': IMAGE,
  'sysroots/far-python/sysroot.yaml': SYSROOT,
  'crate/Cargo.toml': '[package]\nname = "program"\n',
  'crate/src/main.rs': 'fn main() {}\n',
  'crate/samples/hello.py': 'print("hello")\n',
};

/** A folder with recipes/, targets/, docker/ and sysroots/ of made-up machines; `files` are put over it. */
export function definitionsHome(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): string {
  const home = mkdtempSync(join(tmpdir(), 'provision home ü '));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  for (const [name, content] of Object.entries({ ...FILES, ...files })) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), content);
  }
  return home;
}
