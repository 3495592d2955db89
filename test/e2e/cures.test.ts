// Cures of the catalogue, tried: a crate provokes the blocker, the cure is applied as it was printed, the blocker is gone.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readCatalogue } from '../../src/diagnose/read-catalogue.ts';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

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

const MAIN = 'fn main() {}\n';

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
    'undefined-python-libraries',
    'duplicate-symbols',
  ]),
  ...those('profiles.test.ts', [
    'profile-not-defined',
    'profile-debug',
    'panic-immediate-abort',
    'unstable-cargo-feature',
  ]),
};

/** Cures that are not tried → why. */
const NOT_TRIED: Readonly<Record<string, string>> = {
  ...those('a command that finds out more, and changes nothing', [
    'glibc-too-new',
    'unknown-wasm-import',
    'wasm-memory-limit',
    'qemu-unsupported-syscall',
    'network-refused',
  ]),
  'host-libpython':
    'GNU ld passes over what it cannot link; with clang and lld another blocker was recognised first',
  'dl-find-object': 'a link line that names an unwinder of another C library has to be made by hand',
  'no-space': 'a full disk is a failure of its own before a compiler meets it: faults.test.ts',
  'out-of-memory': 'the memory that lets one job through and not two differs with compiler and machine',
  certificate:
    'fetching has failures of its own (crate-fetching.test.ts); the authority is that of the network',
  'qemu-crash': 'the cure is to run it again: a crash that always comes back is not cured by it',
  'illegal-instruction': 'the processor of the machine that runs the test may have every instruction',
};

function those(why: string, codes: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(codes.map((code) => [code, why]));
}

test('every entry of the catalogue has its cure tried, or the reason why it is not', () => {
  const codes = readCatalogue(join(REPOSITORY, 'src', 'diagnose', 'catalogue')).map(({ code }) => code);
  const tried = new Set(PROVOKED.map(({ code }) => code));
  const rest = [...Object.keys(TRIED_ELSEWHERE), ...Object.keys(NOT_TRIED)];
  assert.deepEqual([...tried, ...rest].sort(), codes.sort());
});

function recipe(base: string, more = ''): string {
  return `schema: 1\nextends: ${base}\n${more}tests: {commands: [{name: starts}]}\n`;
}

function crate(t: TestContext, { code, crate: wants, files, recipe: base = 'aarch64' }: Provoked): string {
  const folder = join(temporaryFolder(t, 'provision cure ü '), 'crate');
  const features =
    code === 'required-features'
      ? '[features]\nserver = []\ntls = []\n[[bin]]\nname = "cured"\npath = "src/main.rs"\nrequired-features = ["server", "tls"]\n'
      : '';
  const own = {
    'Cargo.toml': `[package]\nname = "cured"\nversion = "0.1.0"\nedition = "2021"\n${features}`,
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "cured"\nversion = "0.1.0"\n',
    'src/main.rs': MAIN,
  };
  if (wants !== undefined)
    cpSync(join(REPOSITORY, 'test', 'crates', 'wants', wants), folder, { recursive: true });
  put(folder, { ...(wants === undefined ? own : {}), 'provision.yaml': recipe(base), ...files });
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], { cwd: folder });
  if (wants === 'git' || code === 'no-git-history') {
    git('init', '--quiet', '.');
    git('add', '.');
    git('commit', '--quiet', '--message=one');
  }
  return folder;
}

interface Report {
  readonly blockers: readonly { readonly code: string; readonly cure?: string }[];
}

const lock = (cwd: string) => provision(['lock'], { cwd, store: SHARED_STORE });

for (const one of PROVOKED) {
  const { code, as, cure, instead, leaves, recipe: base = 'aarch64' } = one;
  test(`${code}${as === undefined ? '' : ` (${as})`}: the cure that is printed removes it`, {
    skip: skipped(one),
  }, async (t) => {
    const folder = crate(t, one);
    if (/^(?:toolchain|sysroot):/m.test(readFileSync(join(folder, 'provision.yaml'), 'utf8'))) {
      const locked = await lock(folder);
      assert.equal(locked.status, 0, locked.stderr);
    }
    const run = () => provision(['run'], { cwd: folder, store: SHARED_STORE, timeoutMs: 20 * 60_000 });
    const blockers = () =>
      (JSON.parse(readFileSync(join(folder, 'artifacts', base, 'report.json'), 'utf8')) as Report).blockers;
    const blocked = await run();
    assert.equal(blocked.status, 6, blocked.stdout + blocked.stderr);
    const [first] = blockers();
    assert.equal(first?.code, code, blocked.stderr);
    const printed = first.cure as string;
    if (typeof cure === 'string') assert.equal(printed, cure);
    else assert.match(printed, cure);
    const [file, line] = instead ?? ['provision.yaml', ''];
    const before = readFileSync(join(folder, file), 'utf8');
    writeFileSync(join(folder, file), line === '' ? `${before}${printed}\n` : before.replace(line, printed));
    if (/^(?:toolchain|sysroot): /.test(printed)) {
      const locked = await lock(folder);
      assert.equal(locked.status, 0, locked.stderr);
    }
    const cured = await run();
    assert.equal(cured.status, leaves === undefined ? 0 : 6, cured.stdout + cured.stderr);
    assert.equal(blockers()[0]?.code, leaves);
  });
}
