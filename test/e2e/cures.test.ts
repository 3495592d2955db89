// Cures of the catalogue, tried: a crate provokes the blocker, the cure is applied as it was printed, the blocker is gone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readCatalogue } from '../../src/diagnose/read-catalogue.ts';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { applyCure, blockersOf, curedCrate, locked, MAIN, recipe } from '../support/cured-crate.ts';

interface Provoked {
  readonly code: string;
  /** What it is in this case, where a code has several. */
  readonly as?: string;
  /** Real crate of `test/crates/wants` that the files are put into. */
  readonly crate?: string;
  /** `src/main.rs`, `build.rs` and others. */
  readonly files?: Readonly<Record<string, string>>;
  readonly recipe?: string;
  readonly cure: string | RegExp;
  /** Where the cure is a line of a file of the crate: that line as it was. */
  readonly instead?: readonly [file: string, line: string];
  /** What is found then: another blocker. */
  readonly leaves?: string;
  /** Left to PROVISION_TEST_ALL=1: its like is tried always, or it takes long. */
  readonly more?: boolean;
}

/** A build script that runs a command of the shell. */
function shell(script: string): string {
  return `fn main() {
    let ran = std::process::Command::new("sh").args(["-ec", r#"${script}"#]).status();
    assert!(ran.unwrap().success());
}
`;
}

/** One that compiles a file as the crate cc would. */
const compile = (language: 'CC' | 'CXX', file: string): string => {
  const flags = language === 'CC' ? 'CFLAGS' : 'CXXFLAGS';
  const target = 'aarch64_unknown_linux_gnu';
  return shell(`$${language}_${target} $${flags}_${target} -c ${file} -o $OUT_DIR/out.o`);
};

const WRITES = 'let out = std::path::PathBuf::from("src");';

const LINKS = 'println!("cargo:rerun-if-changed=build.rs");';

const WRITTEN = '// written here';

/** A program with a function that nothing defines. */
function asksFor(name: string, signature: string, main: string): string {
  return `extern "C" {\n    fn ${name}${signature};\n}\n${WRITTEN}\nfn main() {\n    ${main}\n}\n`;
}

const DESCRIBES =
  'let commit = std::process::Command::new("git").args(["describe", "--always"]).output().unwrap().stdout;';

const PROVOKED: readonly Provoked[] = [
  {
    code: 'missing-program',
    files: { 'build.rs': shell('perl -e "print 42"') },
    cure: 'toolchain: {packages: [perl]}',
  },
  {
    code: 'missing-program',
    as: 'cmake of the crate cmake',
    crate: 'cmake',
    cure: 'toolchain: {packages: [cmake]}',
    more: true,
  },
  {
    code: 'missing-program',
    as: 'nasm of the crate nasm-rs',
    crate: 'nasm',
    recipe: 'x86_64',
    cure: 'toolchain: {packages: [nasm]}',
    more: true,
  },
  {
    code: 'missing-program',
    as: 'protoc of the crate prost-build',
    crate: 'protoc',
    cure: 'toolchain: {packages: [protobuf-compiler]}',
    more: true,
  },
  {
    code: 'missing-program',
    as: 'perl of the crate openssl-sys, vendored',
    crate: 'perl',
    cure: 'toolchain: {packages: [perl]}',
    more: true,
  },
  {
    code: 'missing-program',
    as: 'git of the crate git-version',
    crate: 'git',
    cure: 'toolchain: {packages: [git]}',
    // The crate runs `git describe`.
    leaves: 'no-git-history',
    more: true,
  },
  {
    code: 'no-git-history',
    files: {
      'build.rs': `fn main() {
    ${DESCRIBES}
    let commit = String::from_utf8(commit).unwrap();
    assert!(!commit.is_empty(), "{}", {
        let again = std::process::Command::new("git").args(["describe", "--always"]).output().unwrap();
        String::from_utf8(again.stderr).unwrap()
    });
}
`,
      'provision.yaml': recipe('aarch64', 'toolchain: {packages: [git]}\n'),
    },
    cure: /^let commit = /,
    instead: ['build.rs', DESCRIBES],
    more: true,
  },
  {
    code: 'no-libclang',
    as: 'of the crate bindgen',
    crate: 'libclang',
    cure: 'toolchain: {packages: [libclang1-19]}',
    more: true,
  },
  {
    code: 'no-pkg-config-package',
    as: 'OpenSSL of the crate openssl-sys',
    crate: 'openssl',
    cure: 'sysroot: {packages: [libssl-dev]}',
    more: true,
  },
  {
    code: 'missing-header',
    files: { 'build.rs': compile('CC', 'a.c'), 'a.c': '#include <lzma.h>\n' },
    cure: 'sysroot: {packages: [liblzma-dev]}',
    more: true,
  },
  {
    code: 'no-cxx-standard-library',
    files: { 'build.rs': compile('CXX', 'a.cc'), 'a.cc': '#include <map>\nstd::map<int, int> all;\n' },
    cure: 'sysroot: {packages: [libstdc++-14-dev]}',
  },
  {
    code: 'library-not-found',
    files: {
      'src/main.rs':
        '#[link(name = "lzma")]\nextern "C" {\n    fn lzma_version_number() -> u32;\n}\nfn main() {\n    println!("{}", unsafe { lzma_version_number() });\n}\n',
    },
    cure: 'sysroot: {packages: [liblzma-dev]}',
    more: true,
  },
  {
    code: 'required-features',
    cure: 'project: {features: [server, tls]}',
  },
  {
    code: 'unstable-feature',
    files: { 'src/main.rs': `#![feature(never_type)]\n${MAIN}` },
    cure: 'project: {env: {RUSTC_BOOTSTRAP: "1"}}',
    more: true,
  },
  {
    code: 'writes-outside-out-dir',
    files: {
      'build.rs': `fn main() {\n    ${WRITES}\n    std::fs::write(out.join("made.rs"), "").unwrap();\n}\n`,
    },
    cure: /^let out = /,
    instead: ['build.rs', WRITES],
  },
  {
    code: 'unknown-wasm-import',
    as: 'that a library has',
    recipe: 'wasm32-wasip1',
    files: {
      'build.rs': `fn main() {\n    ${LINKS}\n}\n`,
      'src/main.rs': asksFor('getpid', '() -> i32', 'println!("{}", unsafe { getpid() });'),
    },
    cure: 'println!("cargo:rustc-link-lib=wasi-emulated-getpid");',
    instead: ['build.rs', LINKS],
  },
  {
    code: 'unknown-wasm-import',
    as: 'that no library has',
    recipe: 'wasm32-wasip1',
    files: {
      'src/main.rs': asksFor('fork', '() -> i32', 'if std::env::args().count() > 9 { unsafe { fork() }; }'),
    },
    cure: /^mod no_fork \{/,
    instead: ['src/main.rs', WRITTEN],
    more: true,
  },
  {
    code: 'wasm-memory-limit',
    recipe: 'wasm32-wasip1',
    files: { 'provision.yaml': recipe('wasm32-wasip1', 'wasm:\n  max-memory-mib: 12\n') },
    cure: /^sed .*max-memory-mib/,
  },
  {
    code: 'illegal-instruction',
    files: {
      // The processor that is emulated has no pointer authentication.
      'src/main.rs': `#[cfg(target_feature = "paca")]
fn sign() {
    unsafe { std::arch::asm!(".arch_extension pauth", "pacia {0}, {1}", inout(reg) 1u64 => _, in(reg) 2u64) }
}
#[cfg(not(target_feature = "paca"))]
fn sign() {}
fn main() {
    sign();
}
`,
      'provision.yaml': recipe(
        'aarch64',
        'project: {env: {RUSTFLAGS: "-C target-feature=+paca,+pacg -C debuginfo=0"}}\n',
      ),
    },
    cure: /^unset RUSTFLAGS CFLAGS; find /,
    more: true,
  },
];

function skipped({ more = false }: Provoked): string | false {
  if (!existsSync('/usr/bin/apt-get')) return 'apt is not on this machine';
  return process.env.PROVISION_TEST_ALL === '1' || !more ? false : 'PROVISION_TEST_ALL=1 tries it';
}

/** Cures that are tried by other tests → which. */
const TRIED_ELSEWHERE: Readonly<Record<string, string>> = {
  ...those('machine-cures.test.ts, on a Debian machine', [
    'missing-target-std',
    'pyo3-cross-version',
    'missing-cross-linker',
    'missing-target-libc',
    'libpython-not-found',
    'no-emulator',
    'no-encodings',
    'elf-interpreter',
    'sysconfigdata-not-found',
    'no-python-interpreter',
    'several-pythons',
    'auto-initialize-static',
    'crate-msrv',
    'crate-not-in-lock',
    'shared-library-not-found',
  ]),
  ...those('host-cures.test.ts, on a Debian machine', [
    'host-libpython',
    'dl-find-object',
    'undefined-python-libraries',
    'duplicate-symbols',
    'glibc-too-new',
    'certificate',
    'network-refused',
  ]),
  ...those('run-cures.test.ts', ['no-space', 'out-of-memory', 'qemu-crash', 'qemu-unsupported-syscall']),
  ...those('profiles.test.ts', [
    'profile-not-defined',
    'profile-debug',
    'panic-immediate-abort',
    'unstable-cargo-feature',
  ]),
};

function those(why: string, codes: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(codes.map((code) => [code, why]));
}

test('every entry of the catalogue has its cure tried', () => {
  const codes = readCatalogue(join(REPOSITORY, 'src', 'diagnose', 'catalogue')).map(({ code }) => code);
  const tried = new Set(PROVOKED.map(({ code }) => code));
  assert.deepEqual([...new Set([...tried, ...Object.keys(TRIED_ELSEWHERE)])].sort(), codes.sort());
});

function crate(t: TestContext, { code, crate: wants, files, recipe: base = 'aarch64' }: Provoked): string {
  const features =
    code === 'required-features'
      ? '[features]\nserver = []\ntls = []\n[[bin]]\nname = "cured"\npath = "src/main.rs"\nrequired-features = ["server", "tls"]\n'
      : '';
  const own = { 'provision.yaml': recipe(base), ...files };
  const folder = wants === undefined ? curedCrate(t, own, features) : copyOf(t, wants, own);
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], { cwd: folder });
  if (wants === 'git' || code === 'no-git-history') {
    git('init', '--quiet', '.');
    git('add', '.');
    git('commit', '--quiet', '--message=one');
  }
  return folder;
}

function copyOf(t: TestContext, wants: string, files: Readonly<Record<string, string>>): string {
  const folder = join(temporaryFolder(t, 'provision cure ü '), 'crate');
  cpSync(join(REPOSITORY, 'test', 'crates', 'wants', wants), folder, { recursive: true });
  put(folder, files);
  return folder;
}

for (const one of PROVOKED) {
  const { code, as, cure, instead, leaves, recipe: base = 'aarch64' } = one;
  test(`${code}${as === undefined ? '' : ` (${as})`}: the cure that is printed removes it`, {
    skip: skipped(one),
  }, async (t) => {
    const folder = crate(t, one);
    if (/^(?:toolchain|sysroot):/m.test(readFileSync(join(folder, 'provision.yaml'), 'utf8')))
      await locked(folder);
    const run = () => provision(['run'], { cwd: folder, store: SHARED_STORE, timeoutMs: 20 * 60_000 });
    const blocked = await run();
    assert.equal(blocked.status, 6, blocked.stdout + blocked.stderr);
    const [first] = blockersOf(folder, base);
    assert.equal(first?.code, code, blocked.stderr);
    const printed = first.cure as string;
    if (typeof cure === 'string') assert.equal(printed, cure);
    else assert.match(printed, cure);
    await applyCure(folder, printed, instead);
    const cured = await run();
    assert.equal(cured.status, leaves === undefined ? 0 : 6, cured.stdout + cured.stderr);
    assert.equal(blockersOf(folder, base)[0]?.code, leaves);
  });
}
