import { MAIN, recipe } from './cured-crate.ts';

export interface Provoked {
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

const PACKAGED = 'python: {from: packages}\n';

/** What crates provoke in a run, with what is printed as its cure. */
export const PROVOKED: readonly Provoked[] = [
  {
    code: 'crate-msrv',
    crate: 'newer-rust',
    files: { 'provision.yaml': recipe('x86_64', `${PACKAGED}rust: stable\n`) },
    recipe: 'x86_64',
    cure: 'rust: next',
    instead: ['provision.yaml', 'rust: stable'],
  },
  {
    code: 'missing-program',
    files: { 'build.rs': shell('nasm -v') },
    cure: 'toolchain: {packages: [nasm]}',
  },
  {
    code: 'missing-program',
    as: 'that only the source names',
    files: {
      'build.rs': `fn main() {\n    std::process::Command::new("xxd").arg("-v").status().unwrap();\n}\n`,
      'provision.yaml': recipe('x86_64', PACKAGED),
    },
    recipe: 'x86_64',
    cure: 'toolchain: {packages: [xxd]}',
    more: true,
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
    // The image that CPython is compiled with has it.
    files: { 'provision.yaml': recipe('aarch64', PACKAGED) },
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
    // A sysroot whose Python is compiled has OpenSSL.
    files: { 'provision.yaml': recipe('aarch64', PACKAGED) },
    cure: 'sysroot: {packages: [libssl-dev]}',
    more: true,
  },
  {
    code: 'missing-header',
    files: { 'build.rs': compile('CC', 'a.c'), 'a.c': '#include <lz4.h>\n' },
    cure: 'sysroot: {packages: [liblz4-dev]}',
    more: true,
  },
  {
    code: 'no-cxx-standard-library',
    files: { 'build.rs': compile('CXX', 'a.cc'), 'a.cc': '#include <map>\nstd::map<int, int> all;\n' },
    cure: 'sysroot: {packages: [libstdc++-10-dev]}',
  },
  {
    code: 'library-not-found',
    files: {
      'src/main.rs':
        '#[link(name = "lz4")]\nextern "C" {\n    fn LZ4_versionNumber() -> i32;\n}\nfn main() {\n    println!("{}", unsafe { LZ4_versionNumber() });\n}\n',
    },
    cure: 'sysroot: {packages: [liblz4-dev]}',
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
    code: 'newer-feature',
    files: {
      'src/main.rs': 'fn main() {\n    println!("{:?}", [1u8, 2, 3].as_chunks::<2>());\n}\n',
      'provision.yaml': recipe('x86_64', PACKAGED),
    },
    recipe: 'x86_64',
    cure: 'rust: next',
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
