// Cures of what a machine has in the way: its own libpython, unwinder, processor flags, glibc, authorities and proxies. Tried on a
// Debian; each blocker is what the real tool printed there, each cure is run as it is printed.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  type CliRun,
  PACKAGED_X86_64,
  provision,
  REPOSITORY,
  SHARED_STORE,
  temporaryFolder,
} from '../support/cli.ts';
import { startCrateRegistry } from '../support/crate-registry.ts';
import { runPrinted } from '../support/cured-crate.ts';
import { CuredMachine } from '../support/cured-machine.ts';
import { DebianMachine, withoutDebianMachine } from '../support/debian-machine.ts';

const OPTIONS = {
  skip: process.env.PROVISION_TEST_ALL === '1' ? withoutDebianMachine() : 'PROVISION_TEST_ALL=1 tries them',
};
const TARGET = 'aarch64-unknown-linux-gnu';
const LINKER = `export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc;`;
const BUILD = `cargo build --target ${TARGET}`;

let debian: CuredMachine;

before(async () => {
  if (OPTIONS.skip !== false) return;
  debian = await CuredMachine.make({ after: (done) => process.once('exit', done) }, [
    ...['gcc', 'libc6-dev', 'rustup', 'libpython3.13-dev', 'gcc-aarch64-linux-gnu', 'libc6-dev-arm64-cross'],
    ...['musl-tools', 'qemu-user'],
  ]);
  await debian.does(
    `apt-get update; rustup default 1.85.1; rustup target add ${TARGET} x86_64-unknown-linux-musl`,
  );
});

function crate(name: string, files: Readonly<Record<string, string>>, dependencies = ''): string {
  debian.machine.put(`root/${name}`, {
    'Cargo.toml': `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\n${dependencies}`,
    'src/main.rs': 'fn main() {}\n',
    ...files,
  });
  return `/root/${name}`;
}

test("host-libpython: PyO3's configuration is that of the building machine", OPTIONS, async () => {
  cpSync(join(REPOSITORY, 'runner'), join(debian.machine.root, 'root', 'runner'), { recursive: true });
  debian.machine.put('root', {
    'config.txt':
      'implementation=CPython\nversion=3.13\nshared=true\nabi3=false\nlib_name=python3.13\nlib_dir=/usr/lib/x86_64-linux-gnu\npointer_width=64\nbuild_flags=\nsuppress_build_script_link_lines=false\n',
  });
  await debian.afresh(`${LINKER} export PYO3_CONFIG_FILE=/root/config.txt;`);
  const { codes } = await debian.follow('/root/runner', `${BUILD} --locked`);
  // The target's own is not there, either.
  assert.deepEqual(codes, ['host-libpython', 'libpython-not-found']);
});

test("dl-find-object: gcc's unwinder in a program for musl", OPTIONS, async () => {
  const at = crate('unwinds', {
    'src/main.rs': `extern "C" {
    fn frames() -> i32;
}
fn main() {
    let caught = std::panic::catch_unwind(|| panic!("one")).is_err();
    println!("{caught} {}", unsafe { frames() } > 0);
}
`,
    'frames.c': `#include <unwind.h>
static _Unwind_Reason_Code count(struct _Unwind_Context *context, void *frames) {
    (void)context;
    *(int *)frames += 1;
    return _URC_NO_REASON;
}
int frames(void) {
    int all = 0;
    _Unwind_Backtrace(count, &all);
    return all;
}
`,
    // As crates do that have C++ in them.
    'build.rs': `use std::process::Command;
fn printed(program: &str, args: &[&str]) -> String {
    let ran = Command::new(program).args(args).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).unwrap()
}
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    printed("musl-gcc", &["-funwind-tables", "-c", "frames.c", "-o", &format!("{out}/frames.o")]);
    printed("ar", &["rcs", &format!("{out}/libframes.a"), &format!("{out}/frames.o")]);
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rustc-link-lib=static=frames");
    let gcc = printed("gcc", &["-print-libgcc-file-name"]);
    println!("cargo:rustc-link-search=native={}", gcc.rsplit_once('/').unwrap().0);
    println!("cargo:rustc-link-lib=gcc_eh");
}
`,
  });
  const musl = await CuredMachine.as(debian.machine, 'musl');
  await musl.afresh();
  const ran = await musl.follow(at, 'cargo run --quiet --target x86_64-unknown-linux-musl 2>&1');
  assert.deepEqual(ran.codes, ['dl-find-object']);
  assert.match(ran.output, /^true true$/m);
});

/** Two crates of this machine's own with zlib, as an archive. */
const WITH_ZLIB = {
  'undefined-python-libraries': `extern "C" {
    fn inflateReset2(stream: *mut u8, bits: i32) -> i32;
}
fn main() {
    println!("{}", unsafe { inflateReset2(std::ptr::null_mut(), 0) });
}
`,
  'duplicate-symbols': `#[link(name = "z", kind = "static", modifiers = "+whole-archive")]
extern "C" {}
#[no_mangle]
extern "C" fn zlibVersion() -> i32 {
    -2
}
fn main() {
    println!("{}", zlibVersion());
}
`,
};

for (const [code, main] of Object.entries(WITH_ZLIB))
  test(`${code}: a function that no library of the link has, or that two have`, OPTIONS, async () => {
    const own = await CuredMachine.as(debian.machine, 'x86_64');
    const at = crate(code, { 'src/main.rs': main });
    await own.does('apt-get install zlib1g-dev');
    await own.afresh("export RUSTFLAGS='-L native=/usr/lib/x86_64-linux-gnu';");
    assert.deepEqual(await own.follow(at, 'cargo run --quiet'), { codes: [code], output: '-2\n' });
  });

const COUNTS = `use std::sync::atomic::{AtomicUsize, Ordering};
static COUNT: AtomicUsize = AtomicUsize::new(0);
fn main() {
    COUNT.fetch_add(1, Ordering::SeqCst);
    println!("{}", COUNT.load(Ordering::SeqCst));
}
`;

for (const { where, files, exports } of [
  { where: 'environment', files: {}, exports: "export RUSTFLAGS='-C target-cpu=neoverse-n1';" },
  {
    where: 'configuration',
    files: { '.cargo/config.toml': '[build]\nrustflags = ["-C", "target-cpu=neoverse-n1"]\n' },
    exports: '',
  },
])
  test(`illegal-instruction: another processor is asked for in the ${where}`, OPTIONS, async () => {
    const at = crate(`counts-${where}`, { 'src/main.rs': COUNTS, ...files });
    // The first of 64-bit ARM, without atomic instructions.
    await debian.afresh(
      `${LINKER} export QEMU_CPU=cortex-a53 QEMU_LD_PREFIX=/usr/aarch64-linux-gnu; ${exports}`,
    );
    const program = `target/${TARGET}/debug/counts-${where}`;
    const ran = await debian.follow(at, `${BUILD} --quiet; qemu-aarch64 ${program}`);
    assert.deepEqual(ran, { codes: ['illegal-instruction'], output: '1\n' });
  });

for (const address of ['127.0.0.1:9', 'proxy.invalid:9'])
  test(`network-refused: no proxy is at ${address}`, OPTIONS, async () => {
    const at = crate(`asks-${address.length}`, {}, 'cfg-if = "1"\n');
    const proxy = `http://${address}`;
    await debian.afresh(`export CARGO_NET_RETRY=0 http_proxy=${proxy} https_proxy=${proxy};`);
    const { codes } = await debian.follow(at, 'cargo build');
    assert.deepEqual(codes, ['network-refused']);
    assert.doesNotMatch(await debian.does('. /root/env; env'), /proxy/);
  });

const LEAF = 'leaf = { version = "1.0.0", registry = "own" }\n';

test('network-refused: a registry does not answer any more', OPTIONS, async () => {
  const closers: (() => unknown)[] = [];
  const { index } = await startCrateRegistry({ after: (done) => closers.push(done) });
  const at = crate('asks-again', {}, LEAF);
  await debian.afresh(`export CARGO_NET_RETRY=0 CARGO_REGISTRIES_OWN_INDEX=${index};`);
  await debian.does(`. /root/env; cd ${at}; cargo fetch; rm Cargo.lock`);
  for (const close of closers) close();
  const { codes } = await debian.follow(at, 'cargo build');
  assert.deepEqual(codes, ['network-refused']);
});

test(
  'certificate: the authority is on the machine, and not among those that are trusted',
  OPTIONS,
  async (t) => {
    const { index } = await startCrateRegistry(t, { tls: 'own' });
    const at = crate('trusts', {}, LEAF);
    const authorities = '/etc/ssl/certs/ca-certificates.crt';
    debian.machine.put('usr/local/share/ca-certificates', {
      'own.crt': readFileSync(join(REPOSITORY, 'test', 'fixtures', 'tls', 'certificate.pem'), 'utf8'),
    });
    // A bundle of somebody's that stays behind.
    await debian.afresh(
      `cp ${authorities} /root/others.pem; export CARGO_NET_RETRY=0 CARGO_HTTP_CAINFO=/root/others.pem CARGO_REGISTRIES_OWN_INDEX=${index};`,
    );
    const { codes } = await debian.follow(at, 'cargo build');
    assert.deepEqual(codes, ['certificate']);
    await debian.does(`cp /root/others.pem ${authorities}`);
  },
);

test('glibc-too-new: a bundle on an older Debian', OPTIONS, async (t) => {
  const older = await CuredMachine.as(await DebianMachine.make(t, [], 'bookworm'), 'x86_64');
  const folder = temporaryFolder(t, 'provision cure ü ');
  writeFileSync(join(folder, 'one.py'), 'print(6 * 7)\n');
  const one = ['--samples', 'one.py'];
  const starts = async (ran: CliRun, recipe: string) => {
    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    const artifacts = join(folder, 'artifacts', recipe);
    const archive = readdirSync(artifacts).find((name) => name.endsWith('.tar.gz')) as string;
    cpSync(join(artifacts, archive), join(older.machine.root, 'root', archive));
    cpSync(join(folder, 'one.py'), join(older.machine.root, 'root', 'one.py'));
    const bundle = archive.replace(/\.tar\.gz$/, '');
    return older.machine.run(`cd /root; tar -xzf ${archive}; ${bundle}/bin/isolate one.py`);
  };
  const blocked = await starts(
    await provision([PACKAGED_X86_64, ...one], { cwd: folder, store: SHARED_STORE }),
    'x86_64',
  );
  assert.notEqual(blocked.status, 0, blocked.output);
  const blocker = older.recognized(blocked.output);
  assert.equal(blocker?.code, 'glibc-too-new', blocked.output);
  assert.equal(blocker.cure, 'provision musl');
  assert.deepEqual(await starts(await runPrinted(`${blocker.cure} ${one.join(' ')}`, folder), 'musl'), {
    status: 0,
    output: '42\n',
  });
});
