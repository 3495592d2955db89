// Every entry of the catalogue against what the tools really print. The fixtures were made by the scripts in provoke/.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { linesOf, matchesOf } from '../../src/diagnose/classify.ts';
import { excerpt } from '../../src/diagnose/excerpt.ts';
import { readCatalogue } from '../../src/diagnose/read-catalogue.ts';
import { type DiagnosticsContext, recognize } from '../../src/diagnose/recognize.ts';
import { type Blocker, cureSentence } from '../../src/domain/blocker.ts';
import { readExit } from '../../src/runtime/runtime.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';

const HERE = import.meta.dirname;
const CATALOGUE = readCatalogue(join(REPOSITORY, 'src', 'diagnose', 'catalogue'));
const CODES = CATALOGUE.map(({ code }) => code);
const FIXTURES = readdirSync(join(HERE, 'fixtures')).map((name) => name.replace(/\.log$/, ''));

const CONTEXT: DiagnosticsContext = {
  recipe: 'far',
  target: 'far-unknown-linux-gnu',
  folder: 'blockers',
  versions: { rustc: '1.85.1' },
  values: {
    target_env: 'FAR_UNKNOWN_LINUX_GNU',
    clang_target: 'far-linux-gnu',
    debian_arch: 'far',
    program: 'isolate',
    multiarch: 'far-linux-gnu',
    python: '3.13',
    machine: 'far',
    toolchain_packages: '',
    sysroot_packages: '',
    cxx_package: 'libstdc++-14-dev',
    project_features: '',
  },
};

function fixture(name: string): string {
  return readFileSync(join(HERE, 'fixtures', `${name}.log`), 'utf8');
}

/** The entry that a fixture is of: its name, or the beginning of it where there are several wordings. */
function codeOf(name: string): string {
  return (
    CODES.filter((code) => name === code || name.startsWith(`${code}-`)).sort(
      (a, b) => b.length - a.length,
    )[0] ?? 'unknown'
  );
}

const XXD = 'toolchain: {packages: [xxd]}';

function recognized(output: string): Blocker {
  const blocker = recognize({ stage: 'build', doing: 'Building', output }, CONTEXT, CATALOGUE, []);
  assert.ok(blocker);
  return blocker;
}

test('codes are unique, and every entry has a fixture of real output', () => {
  assert.deepEqual([...new Set(CODES)], CODES);
  const covered = new Set(FIXTURES.map(codeOf));
  assert.deepEqual(
    CODES.filter((code) => !covered.has(code)),
    [],
  );
});

test('every fixture has the script that provoked it, and every script a fixture', () => {
  const scripts = readdirSync(join(HERE, 'provoke')).filter((name) => name !== 'lib.sh');
  assert.deepEqual(scripts.map((name) => name.replace(/\.sh$/, '')).sort(), [...FIXTURES].sort());
  for (const name of scripts) assert.match(readFileSync(join(HERE, 'provoke', name), 'utf8'), /^# \S/, name);
});

for (const name of FIXTURES) {
  test(`${name} is recognized as ${codeOf(name)}, and as nothing else`, () => {
    const output = fixture(name);
    assert.ok(output.trim().length > 0);
    const matches = matchesOf(CATALOGUE, output);
    const code = codeOf(name);
    assert.deepEqual(
      matches.map(({ pattern }) => pattern.code),
      code === 'unknown' ? [] : [code],
    );
    const blocker = recognized(output);
    assert.equal(blocker.code, code);
    // What is shown is the tool's own words.
    assert.ok(blocker.lines.length > 0);
    for (const line of blocker.lines) {
      assert.ok(output.includes(line.replace(/…$/, '')), line);
    }
    for (const text of [blocker.title, blocker.because, blocker.cure ?? '', ...blocker.advice])
      assert.doesNotMatch(text, /\{[a-z_]+\}/);
  });
}

test('every entry states a reason and a fix', () => {
  for (const { code, because, fix, advice } of CATALOGUE) {
    assert.ok(because.length > 20, code);
    assert.ok(fix.length > 0, code);
    assert.ok(advice.length > 0, code);
  }
});

test('the fix names what the output names', () => {
  assert.equal(recognized(fixture('missing-target-std')).cure, 'rustup target add far-unknown-linux-gnu');
  assert.equal(recognized(fixture('crate-msrv')).title, 'A crate wants a newer Rust than 1.85.1');
  assert.match(recognized(fixture('undefined-python-libraries')).cure ?? '', /grep -w 'T inflateInit2_'/);
  assert.deepEqual(recognized(fixture('crate-msrv')).lines, [
    'error: rustc 1.85.1 is not supported by the following packages:',
    '  icu_locale_core@2.4.0 requires rustc 1.88',
    '  icu_provider@2.2.0 requires rustc 1.86',
  ]);
});

test('what a build script lacks is named as the line of the recipe that adds it', () => {
  const cures = Object.fromEntries(
    FIXTURES.filter((name) => CODES.indexOf(codeOf(name)) >= CODES.indexOf('no-libclang')).map((name) => [
      name,
      recognized(fixture(name)).cure,
    ]),
  );
  assert.deepEqual(cures, {
    'missing-header': 'sysroot: {packages: [libssl-dev]}',
    'missing-header-cmake': 'sysroot: {packages: [libcurl4-openssl-dev]}',
    'missing-program': 'toolchain: {packages: [cmake]}',
    'missing-program-autoreconf': 'toolchain: {packages: [autoconf]}',
    'missing-program-git': 'toolchain: {packages: [git]}',
    'missing-program-make': 'toolchain: {packages: [bison]}',
    'missing-program-nasm': 'toolchain: {packages: [nasm]}',
    'missing-program-perl': 'toolchain: {packages: [perl]}',
    'missing-program-shell': 'toolchain: {packages: [git]}',
    'no-cxx-standard-library': 'sysroot: {packages: [libstdc++-14-dev]}',
    'no-libclang': 'toolchain: {packages: [libclang1-19]}',
    'no-pkg-config-package': 'sysroot: {packages: [libpq-dev]}',
    'no-git-history':
      'let commit = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output().unwrap().stdout;',
    'no-pkg-config-package-cmake': 'sysroot: {packages: [liblz4-dev]}',
    'writes-outside-out-dir': 'let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());',
  });
  assert.equal(recognized(fixture('required-features')).cure, 'project: {features: [server, tls]}');
  assert.equal(recognized(fixture('library-not-found')).cure, 'sysroot: {packages: [liblzma-dev]}');
});

test('what a static libpython calls of any library is told from what a crate calls', () => {
  const lld = (object: string, archive: string) => `  = note: ld.lld-19: error: undefined symbol: HMAC_Update
          >>> referenced by _hashopenssl.c
          >>>               ${object}:(_hmac_update) in archive /sysroot/usr/lib/${archive}
          >>> referenced 2 more times
          clang-19: error: linker command failed with exit code 1 (use -v to see invocation)
`;
  const python = recognized(lld('_hashopenssl.o', 'libpython3.13.a'));
  assert.equal(python.code, 'undefined-python-libraries');
  assert.match(python.cure ?? '', /grep -w 'T HMAC_Update'/);
  assert.notEqual(recognized(lld('a.o', 'liba.a')).code, 'undefined-python-libraries');
});

test('a proxy that does not answer is told from a registry that does not', () => {
  const refused = fixture('network-refused');
  assert.match(recognized(refused).cure ?? '', /^unset http_proxy .*# 127\.0\.0\.1 does not answer$/);
  const direct = refused.replace('127.0.0.1', 'index.example');
  assert.match(
    recognized(direct).cure ?? '',
    /^export CARGO_NET_OFFLINE=true # .* https:\/\/index\.example\//,
  );
  assert.match(recognized(fixture('network-refused-pip')).cure ?? '', /^unset http_proxy .*# proxy does/);
});

test('an import that nothing has is linked, or written; a declared difference is one of a sample', () => {
  assert.equal(recognized(fixture('unknown-wasm-import')).cure, 'println!("cargo:rustc-link-lib=dl");');
  assert.match(recognized('import env.fork').cure ?? '', /^mod no_fork \{.* fn fork\(\) -> !/);
  assert.equal(recognized('import other.fork').cure, undefined);
  assert.match(
    recognized(fixture('qemu-unsupported-syscall')).cure ?? '',
    /^QEMU_LOG=unimp provision shell /,
  );
});

test('an older glibc is left behind where the machine has a recipe with none', () => {
  const output = fixture('glibc-too-new');
  const on = (machine: string) =>
    recognize(
      { stage: 'run', doing: 'Running', output },
      { ...CONTEXT, values: { ...CONTEXT.values, machine } },
      CATALOGUE,
      [],
    )?.cure;
  assert.deepEqual(
    [on('x86_64'), on('aarch64'), on('riscv64')],
    ['provision musl', 'provision aarch64-musl', undefined],
  );
});

test('the line holds what the recipe has already, and is left out where no package can be linked', () => {
  const context = (values: Record<string, string>): DiagnosticsContext => ({ ...CONTEXT, values });
  const cureIn = (name: string, values: Record<string, string>): Blocker | undefined =>
    recognize({ stage: 'build', doing: 'Building', output: fixture(name) }, context(values), CATALOGUE, []);
  assert.equal(
    cureIn('missing-program-perl', { toolchain_packages: 'cmake, ' })?.cure,
    'toolchain: {packages: [cmake, perl]}',
  );
  const musl = cureIn('no-cxx-standard-library', { other_libc: 'musl' });
  assert.equal(musl?.cure, undefined);
  assert.match(musl?.advice.join(' ') ?? '', /Debian has none for musl/);
});

test('a cure is introduced as what it is', () => {
  assert.equal(cureSentence('provision clean'), 'Run: `provision clean`');
  assert.match(
    cureSentence('toolchain: {packages: [perl]}'),
    /^Write in `provision\.yaml`: .*`provision lock`\.$/,
  );
  assert.doesNotMatch(cureSentence('project: {features: [tls]}'), /lock/);
  assert.equal(cureSentence('rust: next'), 'Write in `provision.yaml`: `rust: next`.');
  // A key of a recipe, filled in or not, is nothing to run.
  const lines = CATALOGUE.flatMap(({ fix }) => fix).filter((one) => /^\w+: /.test(one));
  assert.ok(lines.length > 5);
  for (const line of lines)
    assert.match(cureSentence(line.replaceAll(/\{[a-z_]+\}/g, 'x')), /^Write in `provision\.yaml`: /, line);
  assert.match(cureSentence('let out = 1;'), /^Write in the build script: /);
  assert.match(cureSentence('println!("cargo:rustc-link-lib=dl");'), /^Write in the build script: /);
  assert.match(cureSentence('mod no_fork {}'), /^Write in the crate: /);
  assert.match(cureSentence('# differs-on: far: why'), /^Write in the header of the sample: /);
});

test('an excerpt is the errors without what build scripts print beside them', () => {
  const noise = Array.from({ length: 60 }, (_, index) => `  CC_${index} = None`).join('\n');
  const output = `${noise}\n  cargo:rerun-if-changed=a\n  --- stderr\n  thread 'main' panicked at build.rs:1:1:\n  no frobnicator here\n\n${noise}\n  configure: error: no acceptable frob\n\n${noise}`;
  assert.deepEqual(excerpt(output), [
    "  thread 'main' panicked at build.rs:1:1:",
    '  no frobnicator here',
    '  configure: error: no acceptable frob',
  ]);
  // Where nothing looks like an error, the end is what there is.
  assert.equal(excerpt(Array.from({ length: 99 }, (_, index) => `line ${index}`).join('\n')).length, 40);
});

test('a build script that says no program is not told which one; on the network it is not the machine that refuses', () => {
  const script = 'error: failed to run custom build command for `x v1.0.0`\n';
  const notFound = 'Os { code: 2, kind: NotFound, message: "No such file or directory" }';
  for (const word of ['process', 'command', 'the program', 'child'])
    assert.equal(recognized(`${script}failed to execute ${word}: ${notFound}`).code, 'unknown', word);
  assert.equal(recognized(`${script}failed to execute xxd: ${notFound}`).title.includes('xxd'), true);
  // As the build stage remarks, from the source.
  const remark = 'build.rs:9 starts `xxd`: command `xxd` not found';
  assert.equal(recognized(`${script}failed to execute process: ${notFound}\n${remark}`).cure, XXD);
  assert.equal(recognized(`${script}Temporary failure in name resolution`).code, 'unknown');
  assert.equal(recognized('Temporary failure in name resolution').code, 'network-refused');
});

test('what cargo gives as the cause of an error belongs to it', () => {
  const output =
    'error: could not execute process `wrap rustc -vV` (never executed)\n\nCaused by:\n  No such file\n\nwarning: odd';
  assert.deepEqual(excerpt(output), [
    'error: could not execute process `wrap rustc -vV` (never executed)',
    'Caused by:',
    '  No such file',
  ]);
});

test('output that no entry matches is unknown, and its last lines are kept', () => {
  const blocker = recognized(fixture('unknown'));
  assert.equal(blocker.code, 'unknown');
  assert.equal(blocker.cure, undefined);
  assert.ok(blocker.lines.includes('error[E0308]: mismatched types'));
  assert.deepEqual(recognized('').lines, []);
});

test('a cause hides its consequences; an independent blocker is listed beside it', () => {
  const libc = fixture('missing-target-libc');
  assert.match(libc, /-lpython3\.13/, 'the consequence is there');
  assert.equal(recognized(libc).code, 'missing-target-libc');
  const two = recognized(`${fixture('no-space')}\n${fixture('crate-msrv')}`);
  assert.equal(two.code, 'no-space');
  assert.deepEqual(two.also, ['crate-msrv']);
});

test('an emulator that crashed without output is recognized by how it exited', () => {
  const nothing = new Uint8Array();
  const cause = readExit(
    { kind: 'qemu-user', emulator: 'qemu-far' },
    { signal: 'SIGSEGV', stdout: nothing, stderr: nothing, ms: 1 },
  );
  assert.equal(cause.by, 'emulator');
  assert.equal(recognized(cause.why ?? '').code, 'qemu-crash');
});

test('long lines and long outputs are cut where they are shown', () => {
  const [match] = matchesOf(CATALOGUE, `${'x'.repeat(5000)} No space left on device`);
  assert.ok(match);
  const [line] = linesOf(match, `${'x'.repeat(5000)} No space left on device`);
  assert.ok((line?.length ?? 0) < 700);
  const many = Array.from({ length: 5000 }, (_, i) => `${i}: No space left on device`).join('\n');
  assert.equal(linesOf(match, many).length, 40);
});

test('a mistake in the catalogue is found when it is read', (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'a.yaml');
  writeFileSync(
    file,
    'schema: 1\nblockers:\n  - code: one\n    title: One\n    match: ["("]\n    because: It is.\n',
  );
  assert.throws(() => readCatalogue(folder), /a\.yaml: .*(?:Invalid regular expression|Unterminated group)/s);
  writeFileSync(
    file,
    'schema: 1\nblockers:\n  - code: One\n    title: One\n    match: ["x"]\n    because: It is.\n    cur: x\n',
  );
  assert.throws(() => readCatalogue(folder), /cur/);
});

test('the step that an entry names is a step of the probe', async () => {
  const { readFile } = await import('node:fs/promises');
  const source = await readFile(join(REPOSITORY, 'src', 'diagnose', 'probe', 'step.ts'), 'utf8');
  for (const { step } of CATALOGUE)
    if (step !== undefined) assert.match(source, new RegExp(`name: '${step}'`));
});

test('the cure of a missing library names the folder that has it', (t) => {
  const { lines, cure } = recognized(fixture('shared-library-not-found'));
  const library = /(lib\S+?\.so[^\s:]*)/.exec(lines.join('\n'))?.[1] as string;
  const root = temporaryFolder(t, 'provision libraries ü ');
  mkdirSync(join(root, 'opt', 'far'), { recursive: true });
  writeFileSync(join(root, 'opt', 'far', library), '');
  // A whole machine is not searched here.
  const command = (cure as string).replace('find / ', `find '${root}' `);
  const shown = execFileSync('/bin/sh', ['-c', `${command}\nprintf %s "$LD_LIBRARY_PATH"`], {
    encoding: 'utf8',
  });
  assert.equal(shown, join(root, 'opt', 'far'));
});
