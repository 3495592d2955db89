// Cures of the catalogue, tried: a crate provokes the blocker, the cure is applied as it was printed, the blocker is gone.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readCatalogue } from '../../src/diagnose/read-catalogue.ts';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

interface Provoked {
  /** `src/main.rs`, `build.rs` and others. */
  readonly files: Readonly<Record<string, string>>;
  readonly cure: string | RegExp;
  /** Where the cure is a line of a file of the crate: that line as it was. */
  readonly instead?: readonly [file: string, line: string];
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

const PROVOKED: Readonly<Record<string, Provoked>> = {
  'missing-program': {
    files: { 'build.rs': shell('perl -e "print 42"') },
    cure: 'toolchain: {packages: [perl]}',
  },
  'missing-header': {
    files: { 'build.rs': compile('CC', 'a.c'), 'a.c': '#include <lzma.h>\n' },
    cure: 'sysroot: {packages: [liblzma-dev]}',
  },
  'no-cxx-standard-library': {
    files: { 'build.rs': compile('CXX', 'a.cc'), 'a.cc': '#include <map>\nstd::map<int, int> all;\n' },
    cure: 'sysroot: {packages: [libstdc++-14-dev]}',
  },
  'library-not-found': {
    files: {
      'src/main.rs':
        '#[link(name = "lzma")]\nextern "C" {\n    fn lzma_version_number() -> u32;\n}\nfn main() {\n    println!("{}", unsafe { lzma_version_number() });\n}\n',
    },
    cure: 'sysroot: {packages: [liblzma-dev]}',
  },
  'required-features': {
    files: {},
    cure: 'project: {features: [server, tls]}',
  },
  'unstable-feature': {
    files: { 'src/main.rs': `#![feature(never_type)]\n${MAIN}` },
    cure: 'project: {env: {RUSTC_BOOTSTRAP: "1"}}',
  },
  'writes-outside-out-dir': {
    files: {
      'build.rs': `fn main() {\n    ${WRITES}\n    std::fs::write(out.join("made.rs"), "").unwrap();\n}\n`,
    },
    cure: /^let out = /,
    instead: ['build.rs', WRITES],
  },
};

/** Left to PROVISION_TEST_ALL=1: their like is tried always. */
const LIKE_ANOTHER = ['missing-header', 'library-not-found', 'unstable-feature'];

function skipped(code: string): string | false {
  if (!existsSync('/usr/bin/apt-get')) return 'apt is not on this machine';
  if (process.env.PROVISION_TEST_ALL === '1' || !LIKE_ANOTHER.includes(code)) return false;
  return 'PROVISION_TEST_ALL=1 tries it';
}

/** Cures that are not tried here → why. */
const NOT_TRIED: Readonly<Record<string, string>> = {
  'no-libclang': 'the crate c-libraries has the line: PROVISION_TEST_ALL=1, crates.test.ts',
  'no-pkg-config-package': 'its cure is that of missing-header, with another table of names',
  ...those('a command for a machine without provision, which needs root and its package manager', [
    'missing-cross-linker',
    'missing-target-libc',
    'libpython-not-found',
    'dl-find-object',
    'no-emulator',
  ]),
  ...those('a command for a machine without provision; probe.test.ts removes the blocker by its step', [
    'missing-target-std',
    'pyo3-cross-version',
    'sysconfigdata-not-found',
    'several-pythons',
    'no-python-interpreter',
    'host-libpython',
  ]),
  ...those('a command that finds out more, and changes nothing', [
    'undefined-python-libraries',
    'duplicate-symbols',
    'elf-interpreter',
    'glibc-too-new',
    'unknown-wasm-import',
    'wasm-memory-limit',
    'qemu-unsupported-syscall',
    'network-refused',
  ]),
  ...those('the machine has to be short of something, or in a foreign network', [
    'no-space',
    'out-of-memory',
    'certificate',
    'qemu-crash',
    'illegal-instruction',
  ]),
  ...those("a command for the user's own cargo, which needs a registry", [
    'auto-initialize-static',
    'crate-msrv',
  ]),
  'shared-library-not-found': 'catalogue.test.ts runs its command',
  'no-encodings': 'a bundle always has its library: only a program outside of one ends so',
  'crate-not-in-lock': 'own-crate.test.ts provokes it',
  ...those('profiles.test.ts provokes it and tries its cure', [
    'profile-not-defined',
    'profile-debug',
    'panic-immediate-abort',
    'unstable-cargo-feature',
  ]),
};

function those(why: string, codes: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(codes.map((code) => [code, why]));
}

test('every entry of the catalogue has its cure tried, or the reason why it is not', () => {
  const codes = readCatalogue(join(REPOSITORY, 'src', 'diagnose', 'catalogue')).map(({ code }) => code);
  assert.deepEqual([...Object.keys(PROVOKED), ...Object.keys(NOT_TRIED)].sort(), codes.sort());
});

const RECIPE = 'schema: 1\nextends: aarch64\ntests: {commands: [{name: starts}]}\n';

function crate(t: TestContext, code: string, files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder(t, 'provision cure ü ');
  const features =
    code === 'required-features'
      ? '[features]\nserver = []\ntls = []\n[[bin]]\nname = "cured"\npath = "src/main.rs"\nrequired-features = ["server", "tls"]\n'
      : '';
  put(folder, {
    'Cargo.toml': `[package]\nname = "cured"\nversion = "0.1.0"\nedition = "2021"\n${features}`,
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "cured"\nversion = "0.1.0"\n',
    'src/main.rs': MAIN,
    'provision.yaml': RECIPE,
    ...files,
  });
  return folder;
}

interface Report {
  readonly blockers: readonly { readonly code: string; readonly cure?: string }[];
}

for (const [code, { files, cure, instead }] of Object.entries(PROVOKED)) {
  test(`${code}: the cure that is printed removes it`, {
    skip: skipped(code),
  }, async (t) => {
    const folder = crate(t, code, files);
    const run = () => provision(['run'], { cwd: folder, store: SHARED_STORE, timeoutMs: 10 * 60_000 });
    const blocked = await run();
    assert.equal(blocked.status, 6, blocked.stdout + blocked.stderr);
    const report = JSON.parse(
      readFileSync(join(folder, 'artifacts', 'aarch64', 'report.json'), 'utf8'),
    ) as Report;
    const [first] = report.blockers;
    assert.equal(first?.code, code, blocked.stderr);
    const printed = first.cure as string;
    if (typeof cure === 'string') assert.equal(printed, cure);
    else assert.match(printed, cure);
    const [file, line] = instead ?? ['provision.yaml', ''];
    const before = readFileSync(join(folder, file), 'utf8');
    writeFileSync(join(folder, file), line === '' ? `${before}${printed}\n` : before.replace(line, printed));
    if (/^(?:toolchain|sysroot): /.test(printed)) {
      const locked = await provision(['lock'], { cwd: folder, store: SHARED_STORE });
      assert.equal(locked.status, 0, locked.stderr);
    }
    const cured = await run();
    assert.equal(cured.status, 0, cured.stdout + cured.stderr);
  });
}
