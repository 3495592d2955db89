import { randomUUID } from 'node:crypto';

/** Where the attempts of a hostile crate are aimed: all of this machine, and none of them is to be reached. */
export interface Aim {
  /** Files that must stay as they are or must not come to be: paths of this machine and of sandboxes. */
  readonly files: readonly string[];
  /** Port of this machine's loopback. */
  readonly port: number;
  /** Process id of a program outside of all sandboxes. */
  readonly process: number;
}

/** What of a sandbox must not be writable for code of the project. */
const SANDBOX_FILES = [
  '/job/cargo/config.toml',
  '/job/cargo/credentials.toml',
  '/job/cargo/registry/taken',
  '/job/cargo/registry/src/taken',
  '/job/cargo/git/taken',
  '/job/seals/taken',
  '/job/.cargo/config.toml',
  '/job/project/src/main.rs',
  '/job/env/pyo3-config.txt',
  '/sysroot/taken',
  '/usr/bin/taken',
  '/etc/passwd',
];

/** Files of the machine that is attempted on, beside those that the aim names. */
const NO_FILES: readonly string[] = [];

/** A Python script that tries the same; prints one line. */
export function hostileSample(aim: Aim, files: readonly string[] = SANDBOX_FILES): string {
  return `import fcntl, os, signal, socket

reached = []
for file in ${JSON.stringify([...files, ...aim.files])}:
    try:
        with open(file, "ab") as opened:
            opened.write(b"taken")
        reached.append("file")
    except OSError:
        pass
for address in [("127.0.0.1", ${aim.port}), ("192.0.2.1", 80)]:
    try:
        socket.create_connection(address, 0.3).close()
        reached.append("network")
    except OSError:
        pass
try:
    os.kill(${aim.process}, signal.SIGKILL)
    reached.append("process")
except OSError:
    pass
for stream in 0, 2:
    try:
        fcntl.ioctl(stream, 0x5412, b"x")
        reached.append("TIOCSTI")
    except OSError:
        pass
try:
    open("/dev/tty").close()
    reached.append("terminal")
except OSError:
    pass
if "CARGO_REGISTRIES_OWN_TOKEN" in os.environ:
    reached.append("token")
print("tried by sample:", *reached or ["nothing reached"])
`;
}

/** The attempts of a program as a source file of its own, on this machine's files alone. */
export function hostileProgram(aim: Aim): string {
  return `${attempts(aim, NO_FILES)}\nfn main() { for line in attempts("control") { println!("{line}"); } }\n`;
}

/** A workspace whose build script, procedural macro, compiler wrapper, test and program all try the same. */
export function hostileCrate(aim: Aim): Readonly<Record<string, string>> {
  const package_ = (name: string, more = ''): string =>
    `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n${more}`;
  return {
    // Never seen before: its crates are fetched.
    'Cargo.toml': `${package_('hostile')}metadata = {once = "${randomUUID()}"}\n[dependencies]\nspy = { path = "spy" }\n[workspace]\n`,
    'Cargo.lock':
      'version = 4\n\n[[package]]\nname = "hostile"\nversion = "0.1.0"\ndependencies = ["spy"]\n\n[[package]]\nname = "spy"\nversion = "0.1.0"\n',
    // The first compiles as well; the others are to be started nowhere.
    '.cargo/config.toml':
      '[build]\nrustc-wrapper = "./wrapper"\nrustc = "./wrapper"\n[env]\nLD_PRELOAD = "/job/project/not-loaded.so"\n',
    wrapper: wrapper(aim),
    'attempts.rs': attempts(aim),
    'build.rs':
      'include!("attempts.rs");\nfn main() { for line in attempts("build.rs") { println!("cargo:warning={line}"); } }\n',
    'spy/Cargo.toml': package_('spy', '[lib]\nproc-macro = true\n'),
    'spy/src/lib.rs':
      'include!("../../attempts.rs");\n#[proc_macro]\npub fn spy(_: proc_macro::TokenStream) -> proc_macro::TokenStream { for line in attempts("macro") { eprintln!("{line}"); } Default::default() }\n',
    'src/main.rs':
      'include!("../attempts.rs");\nspy::spy!();\nfn main() { for line in attempts("program") { println!("{line}"); } }\n#[test]\nfn tries() { for line in attempts("test") { println!("{line}"); } }\n',
    'provision.yaml': `schema: 1
extends: aarch64
project: {profile: dev}
tests: {cargo: {harness: [--nocapture]}, commands: [{name: tries, stdout: "tried by program: nothing reached\\n"}]}
`,
  };
}

/** What a project may say to have a program or library of its own in the step that fetches crates; by name, files and `project.env`. */
export interface FetchAttack {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** A library of the project, and a script in the place of the compiler: relative to the crate. */
export const LIBRARY = 'own/library.so';
const COMPILER = 'own/bin/rustc';

/** Features of a nightly cargo, in any. */
const NIGHTLY = { RUSTC_BOOTSTRAP: '1' };

/**
 * `crate`: where the crate is when it is attacked; `target`, a triple that crates are fetched for; `width`, the pointer width as
 * the compiler wants it in a file, which was a string in older ones.
 */
export function fetchAttacks(crate: string, target: string, width: string | number): readonly FetchAttack[] {
  const library = `${crate}/${LIBRARY}`;
  const config = (text: string) => ({ '.cargo/config.toml': text });
  const described = { ...TARGET, 'target-pointer-width': width, 'default-codegen-backend': library };
  return [
    { name: '`build.rustc`', files: config(`[build]\nrustc = "${COMPILER}"\n`) },
    { name: '`build.rustc-wrapper`', files: config('[build]\nrustc-wrapper = "own/wrapper"\n') },
    {
      name: '`build.rustc-workspace-wrapper`',
      files: config('[build]\nrustc-workspace-wrapper = "own/wrapper"\n'),
    },
    { name: 'a folder of PATH', files: {}, env: { PATH: '/proc/self/cwd/own/bin' } },
    {
      name: 'flags of the target',
      files: config(`[target.${target}]\nrustflags = ["-Zcodegen-backend=${library}"]\n`),
      env: NIGHTLY,
    },
    {
      name: 'flags in `build`',
      files: config(`[build]\nrustflags = ["-Zcodegen-backend=${library}"]\n`),
      env: NIGHTLY,
    },
    {
      name: 'flags in the environment',
      files: {},
      env: { ...NIGHTLY, CARGO_ENCODED_RUSTFLAGS: `-Zcodegen-backend=${library}` },
    },
    {
      name: 'flags of the host',
      files: config(
        `[unstable]\nhost-config = true\ntarget-applies-to-host = true\n[host]\nrustflags = ["-Zcodegen-backend=${library}"]\n`,
      ),
      env: {
        ...NIGHTLY,
        CARGO_UNSTABLE_TARGET_APPLIES_TO_HOST: 'true',
        CARGO_TARGET_APPLIES_TO_HOST: 'false',
      },
    },
    {
      name: 'a target that a file describes, in the manifest',
      files: {
        ...config('[unstable]\njson-target-spec = true\n'),
        'own.json': JSON.stringify(described),
        'Cargo.toml': `cargo-features = ["per-package-target"]\n[package]\nname = "tried"\nversion = "0.1.0"\nedition = "2021"\nforced-target = "${crate}/own.json"\n`,
      },
      env: NIGHTLY,
    },
  ];
}

/** Just enough of a target for the compiler to read it. */
const TARGET = {
  'llvm-target': 'x86_64-unknown-linux-gnu',
  'data-layout': 'e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128',
  arch: 'x86_64',
  os: 'linux',
};

/** The crate of such an attempt. `wrapper` reaches out and starts what it is given; `compiler` in the compiler's place. */
export function fetchedCrate(aim: Aim): Readonly<Record<string, string>> {
  return {
    'Cargo.toml': `[package]\nname = "tried"\nversion = "0.1.0"\nedition = "2021"\nmetadata = {once = "${randomUUID()}"}\n`,
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "tried"\nversion = "0.1.0"\n',
    'src/main.rs': 'fn main() {}\n',
    'own/wrapper': wrapper(aim),
    [COMPILER]: wrapper(aim).replace('exec "$@"', `PATH=$(echo "$PATH" | cut -d: -f2-) exec rustc "$@"`),
  };
}

/** Source of a library that reaches out as soon as it is loaded. */
export function hostileLibrary({ port }: Aim): string {
  return `#[used]
#[cfg_attr(target_os = "linux", link_section = ".init_array")]
static LOADED: extern "C" fn() = {
    extern "C" fn loaded() {
        let _ = std::net::TcpStream::connect(("127.0.0.1", ${port}));
    }
    loaded
};
`;
}

/** A shell has no more than files and a device of the network. */
function wrapper({ files, port, process }: Aim): string {
  return `#!/bin/bash
reached=
for file in ${[...SANDBOX_FILES, ...files].map((file) => `'${file}'`).join(' ')}; do
  (echo taken >>"$file") 2>/dev/null && reached="$reached $file"
done
(: </dev/tcp/127.0.0.1/${port}) 2>/dev/null && reached="$reached network"
kill -9 ${process} 2>/dev/null && reached="$reached process"
(: >/dev/tty) 2>/dev/null && reached="$reached terminal"
[ -n "$CARGO_REGISTRIES_OWN_TOKEN" ] && reached="$reached token"
echo "tried by wrapper: \${reached:-nothing reached}" >&2
exec "$@"
`;
}

function attempts({ files, port, process }: Aim, more: readonly string[] = SANDBOX_FILES): string {
  // Backwards: a program with paths of the machine in it would not be delivered.
  const backwards = [...more, ...files].map((file) => [...file].reverse().join(''));
  const list = JSON.stringify(backwards);
  return `extern "C" {
    fn kill(process: i32, signal: i32) -> i32;
    fn ptrace(request: i64, process: i32, address: usize, data: usize) -> i64;
    fn ioctl(file: i32, request: u64, ...) -> i32;
}

#[allow(dead_code)]
fn attempts(who: &str) -> Vec<String> {
    use std::io::Write;
    let mut reached = Vec::new();
    for name in ${list} {
        let file: String = name.chars().rev().collect();
        let opened = std::fs::OpenOptions::new().append(true).create(true).open(&file);
        if opened.and_then(|mut file| file.write_all(b"taken")).is_ok() { reached.push(file); }
    }
    let limit = std::time::Duration::from_millis(300);
    for address in ["127.0.0.1:${port}", "192.0.2.1:80"] {
        if std::net::TcpStream::connect_timeout(&address.parse().unwrap(), limit).is_ok() { reached.push(address.to_string()); }
    }
    let typed = b'x';
    unsafe {
        if ptrace(16, ${process}, 0, 0) == 0 { reached.push("ptrace".to_string()); }
        if kill(${process}, 9) == 0 { reached.push("kill".to_string()); }
        // TIOCSTI, of ioctl_tty(2): what a terminal gets as if it were typed.
        if ioctl(0, 0x5412, &typed) == 0 || ioctl(2, 0x5412, &typed) == 0 { reached.push("TIOCSTI".to_string()); }
    }
    if std::fs::File::open("/dev/tty").is_ok() { reached.push("terminal".to_string()); }
    if std::fs::metadata("/proc/${process}").is_ok() { reached.push("process".to_string()); }
    if std::env::var("CARGO_REGISTRIES_OWN_TOKEN").is_ok() { reached.push("token".to_string()); }
    let what = if reached.is_empty() { "nothing reached".to_string() } else { reached.join(" ") };
    vec![format!("tried by {who}: {what}")]
}
`;
}
