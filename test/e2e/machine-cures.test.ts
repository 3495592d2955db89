// Cures that are commands for a machine without provision, tried on one: a Debian with what people have before they build for
// another target. Each blocker is what the real tool printed there, each cure is run as it is printed.
import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { REPOSITORY } from '../support/cli.ts';
import { CuredMachine } from '../support/cured-machine.ts';
import { withoutDebianMachine } from '../support/debian-machine.ts';

const OPTIONS = {
  skip: process.env.PROVISION_TEST_ALL === '1' ? withoutDebianMachine() : 'PROVISION_TEST_ALL=1 tries them',
};

const TARGET = 'aarch64-unknown-linux-gnu';

let machine: CuredMachine;

before(async () => {
  if (OPTIONS.skip !== false) return;
  machine = await CuredMachine.make({ after: (done) => process.once('exit', done) }, [
    'gcc',
    'libc6-dev',
    'rustup',
  ]);
  // The compiler without the C library of the target, which it merely recommends.
  await machine.does(
    `apt-get update; apt-get install --no-install-recommends gcc-aarch64-linux-gnu; rustup default 1.85.1; declare -px > /root/env`,
  );
  const crate = join(machine.machine.root, 'root', 'crate');
  cpSync(join(REPOSITORY, 'runner'), crate, { recursive: true });
});

const CRATE = '/root/crate';
const BUILD = `cargo build --locked --target ${TARGET}`;
const PROGRAM = `target/${TARGET}/debug/isolate`;

test('the way from a Debian to a program for 64-bit ARM, cure by cure', OPTIONS, async () => {
  const built = await machine.follow(CRATE, BUILD);
  assert.deepEqual(built.codes, [
    'missing-target-std',
    'pyo3-cross-version',
    'missing-cross-linker',
    'missing-target-libc',
    'libpython-not-found',
  ]);
  await machine.does(`echo 'print(6 * 7)' > /root/s.py`);
  // As systemd does where it runs: tells the kernel of the emulators that packages bring.
  const booted = '[ ! -x /usr/lib/systemd/systemd-binfmt ] || /usr/lib/systemd/systemd-binfmt';
  const ran = await machine.follow(CRATE, `${booted}; export PYTHONHOME=/usr; ${PROGRAM} /root/s.py`);
  assert.deepEqual(ran.codes, ['no-emulator']);
  assert.equal(ran.output, '42\n');
  await machine.afresh('export PYTHONHOME=/none;');
  const found = await machine.follow(CRATE, `${booted}; ${PROGRAM} /root/s.py`);
  assert.deepEqual(found, { codes: ['no-encodings'], output: '42\n' });
});

test(
  'a PYO3_CROSS_LIB_DIR that is none, then one that nothing can read, then one with two Pythons',
  OPTIONS,
  async () => {
    const linker = 'export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc;';
    await machine.afresh(`${linker} export PYO3_CROSS_LIB_DIR=/usr/lib/aarch64-linux-gnu;`);
    const built = await machine.follow(CRATE, BUILD);
    assert.deepEqual(built.codes, ['sysconfigdata-not-found', 'no-python-interpreter']);
    await machine.does(
      'apt-get install python3; mkdir -p /root/lib/python3.12 /root/lib/python3.13; for one in 12 13; do cp /usr/lib/python3.13/_sysconfigdata__aarch64-linux-gnu.py /root/lib/python3.$one/; done',
    );
    await machine.afresh(`${linker} export PYO3_CROSS_LIB_DIR=/root/lib;`);
    assert.deepEqual((await machine.follow(CRATE, BUILD)).codes, ['several-pythons']);
  },
);

test('a crate that starts Python by itself, and a libpython that is static', OPTIONS, async () => {
  machine.machine.put('root/starts', {
    'Cargo.toml':
      '[package]\nname = "starts"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\npyo3 = { version = "=0.27.2", default-features = false, features = ["auto-initialize"] }\n',
    'src/main.rs': 'fn main() {}\n',
    'config.txt':
      'implementation=CPython\nversion=3.13\nshared=false\nabi3=false\nlib_name=python3.13\nlib_dir=/usr/lib/aarch64-linux-gnu\npointer_width=64\nbuild_flags=\nsuppress_build_script_link_lines=true\n',
  });
  await machine.afresh(
    'export PYO3_CONFIG_FILE=/root/starts/config.txt CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc;',
  );
  const { codes } = await machine.follow('/root/starts', `cargo build --target ${TARGET}`);
  assert.deepEqual(codes, ['auto-initialize-static']);
});

test('a crate that wants a newer Rust', OPTIONS, async () => {
  machine.machine.put('root/newer', {
    'Cargo.toml':
      '[package]\nname = "newer"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nicu_provider = "2"\n',
    'src/main.rs': 'fn main() {}\n',
  });
  await machine.afresh();
  await machine.does(
    'cd /root/newer; CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=allow cargo generate-lockfile',
  );
  const { codes } = await machine.follow('/root/newer', 'cargo build --locked');
  assert.deepEqual(codes, ['crate-msrv']);
});

test('a Cargo.toml that was changed after its lock', OPTIONS, async () => {
  machine.machine.put('root/changed', {
    'Cargo.toml':
      '[package]\nname = "changed"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\ncfg-if = "1"\n',
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "changed"\nversion = "0.1.0"\n',
    'src/main.rs': 'fn main() {}\n',
  });
  await machine.afresh();
  const { codes } = await machine.follow('/root/changed', 'cargo build --locked');
  assert.deepEqual(codes, ['crate-not-in-lock']);
});

test('a library that no loader looks for', OPTIONS, async () => {
  await machine.does(`mkdir -p /opt/far/lib; cd /root; echo 'int far(void) { return 0; }' > far.c
    gcc -shared -o /opt/far/lib/libfar.so.1 far.c; echo 'int far(void); int main(void) { return far(); }' > near.c
    gcc -o near near.c -L/opt/far/lib -l:libfar.so.1`);
  await machine.afresh();
  assert.deepEqual((await machine.follow('/root', './near')).codes, ['shared-library-not-found']);
});

/** What is found where a program's loader is not at its place, natively and emulated. */
test('a loader that is elsewhere, under qemu', OPTIONS, async () => {
  await machine.afresh();
  await machine.does(`cd /root; echo 'int main(void) { return 0; }' > x.c; aarch64-linux-gnu-gcc -o x x.c
    mv /lib/ld-linux-aarch64.so.1 /root/moved`);
  const { codes } = await machine.follow('/root', 'qemu-aarch64 /root/x');
  assert.deepEqual(codes, ['elf-interpreter']);
});
