// Excerpts of real configure and make output for the failure of a build from source.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ok } from '../../src/domain/result.ts';
import type { SandboxSpec } from '../../src/engine/engine.ts';
import {
  interpreterOf,
  openSourceSandbox,
  type SourceBuildContext,
} from '../../src/sysroot/source/build-context.ts';
import { cpythonScript, profileScript } from '../../src/sysroot/source/cpython-script.ts';
import { configLogEvidence, makeEvidence, unpackStep } from '../../src/sysroot/source/script.ts';
import { temporaryFolder } from '../support/cli.ts';
import { sourceSysroot } from '../support/source-sysroot.ts';

const PROFILE = {
  file: '/profile.profdata.br',
  digest: `sha256:${'0'.repeat(64)}`,
  inputs: '0'.repeat(64),
  made: { patches: [], ownPatches: [], training: '' },
} as const;

const CONFIG_LOG = `This file contains any messages produced by compilers while
## ----------- ##
## Core tests. ##
## ----------- ##

configure:4143: checking for --with-build-python
configure:4200: result: no
configure:5531: checking whether the C compiler works
configure:5553: clang-19 --sysroot=/nowhere   conftest.c  >&5
ld.lld-19: error: cannot open crt1.o: No such file or directory
clang-19: error: linker command failed with exit code 1 (use -v to see invocation)
configure:5557: $? = 1
configure:5597: result: no
configure: failed program was:
| /* confdefs.h */
| #define PACKAGE_NAME "python"
| int main (void) { return 0; }
configure:5602: error: in '/job/build/src':
configure:5604: error: C compiler cannot create executables
See 'config.log' for more details

## ---------------- ##
## Cache variables. ##
## ---------------- ##

ac_cv_env_CC_set=set
ac_cv_env_CC_value=/job/tools/clang
`.split('\n');

test('the excerpt of config.log has the last check and its errors, without test program and variables', () => {
  const evidence = configLogEvidence(CONFIG_LOG);
  assert.equal(evidence[0], 'configure:5531: checking whether the C compiler works');
  assert.ok(evidence.includes('ld.lld-19: error: cannot open crt1.o: No such file or directory'));
  assert.ok(evidence.includes('configure:5604: error: C compiler cannot create executables'));
  assert.deepEqual(
    evidence.filter((line) => /PACKAGE_NAME|ac_cv_|build-python/.test(line)),
    [],
  );
});

test('the excerpt of a parallel make has the first error, not the later output of other jobs', () => {
  const noise = Array.from({ length: 300 }, (_, i) => `clang -c file${i}.c -o file${i}.o`);
  const lines = [
    ...noise,
    "Modules/_ssl.c:63:10: fatal error: 'openssl/ssl.h' file not found",
    '   63 | #include <openssl/ssl.h>',
    '1 error generated.',
    'make: *** [Makefile:3142: Modules/_ssl.o] Error 1',
    ...noise,
    'make: *** Waiting for unfinished jobs....',
  ];
  const evidence = makeEvidence(lines);
  assert.ok(evidence.some((line) => line.includes("'openssl/ssl.h' file not found")));
  assert.equal(evidence.at(-1), 'make: *** Waiting for unfinished jobs....');
  assert.ok(evidence.length <= 45);
});

test('the excerpt of output without an error is its end', () => {
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`);
  assert.deepEqual(makeEvidence(lines), lines.slice(-40));
});

test('patches are applied in the order of the definition, the distribution’s before ours', () => {
  const definition = sourceSysroot({
    patches: ['one.patch', 'two.patch'],
    ownPatches: [{ name: 'own.patch', text: '' }],
  });
  const script = cpythonScript(definition, { upstream: '/u.tar.xz', distribution: '/d.tar.xz' });
  const order = ['one.patch', 'two.patch', 'own.patch'].map((name) => script.indexOf(`${name}\n`));
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
  assert.ok(order.every((at) => at > 0));
  assert.ok(script.indexOf('own.patch') < script.indexOf('phase configure'));
});

test('the folder of the standard library follows the thread model, the name of libpython all ABI flags', () => {
  const { python } = sourceSysroot();
  const script = cpythonScript(sourceSysroot({}, { python: { ...python, abiflags: 'td' } }), {
    upstream: '/u.tar.xz',
  });
  assert.match(script, /mkdir -p "\$OUT\/usr\/lib\/python3\.13t" /);
  assert.match(script, /addlib libpython3\.13td\.a/);
  assert.match(script, /"\$OUT\/usr\/share\/python3\.13t-bytecode"/);
});

test('the distribution’s archive is unpacked only for its patches', () => {
  assert.doesNotMatch(unpackStep({ upstream: '/u.tar.xz', distribution: '/d.tar.xz' }, []), /d\.tar\.xz/);
});

const ARCHIVES = { upstream: '/u.tar.xz' };
const WHOLE = { optimization: ['pgo', 'lto'], profile: PROFILE } as const;

test('a locked profile is used where it is asked for, and nothing is trained for it', () => {
  const plain = cpythonScript(sourceSysroot({ optimization: [], profile: PROFILE }), ARCHIVES);
  const profiled = cpythonScript(sourceSysroot(WHOLE), ARCHIVES);
  assert.doesNotMatch(plain, /fprofile-instr-use|-flto/);
  assert.match(profiled, /-fprofile-instr-use=\/job\/profile\.profdata .*-mllvm -pgso=false -flto=thin"/);
  assert.doesNotMatch(profiled, /--enable-optimizations|--with-lto|PROFILE_TASK/);
});

test('a build that did not use its profile fails, whether its objects are machine code or not', () => {
  assert.match(cpythonScript(sourceSysroot(WHOLE), ARCHIVES), /function_entry_count Python\/ceval\.o/);
  const machineCode = cpythonScript(sourceSysroot({ ...WHOLE, optimization: ['pgo'] }), ARCHIVES);
  assert.match(machineCode, /READELF" -SW Python\/ceval\.o/);
});

test('libpython is optimized as one object, with the code generator’s options of its objects', () => {
  const env = { OPT: '-O3 -mllvm -tail-dup-pred-size=5000' };
  const script = cpythonScript(sourceSysroot({ ...WHOLE, env }), ARCHIVES);
  assert.match(
    script,
    /"\$\$LD" -r --lto-O3 -mllvm -tail-dup-pred-size=5000 -mllvm -pgso=false --whole-archive/,
  );
  const unprofiled = cpythonScript(sourceSysroot({ ...WHOLE, optimization: ['lto'], env }), ARCHIVES);
  assert.match(unprofiled, /-mllvm -tail-dup-pred-size=5000 --whole-archive/);
  assert.doesNotMatch(unprofiled, /pgso/);
});

test('the interpreter that a build runs is the toolchain’s, or that of another release', () => {
  const crossing = sourceSysroot({ cross: true });
  assert.match(cpythonScript(crossing, ARCHIVES), /--with-build-python=\/usr\/bin\/python3\.13 /);
  for (const script of [cpythonScript, profileScript])
    assert.match(
      script(crossing, ARCHIVES, '/job/tools/python3.13'),
      /--with-build-python=\/job\/tools\/python3\.13 /,
    );
});

test('of the standard library folders are left out, those that the version names as well', () => {
  const plain = cpythonScript(sourceSysroot(), ARCHIVES);
  assert.match(plain, /tar -C Lib -cf - --exclude=\.\/test --exclude=\.\/idlelib /);
  assert.doesNotMatch(plain, /lib2to3/);
  const more = cpythonScript(sourceSysroot({ leftOut: ['lib2to3/tests'] }), ARCHIVES);
  assert.match(more, /--exclude=__pycache__ --exclude=\.\/lib2to3\/tests \. \|/);
});

test('an interpreter of another release is started with the dynamic linker and the libraries of that', async (t) => {
  const toolsFolder = temporaryFolder(t);
  const { python } = sourceSysroot();
  let opened: SandboxSpec | undefined;
  const context = {
    definition: sourceSysroot({}, { python: { ...python, version: '3.11' } }),
    target: { clangTriple: 'far' },
    hostTarget: { multiarch: 'near-linux-gnu', elf: { interpreter: '/lib64/ld-near.so.2' } },
    tools: {},
    launcher: { argv: [], mounts: [], key: {} },
    toolchain: { folder: '/toolchain' },
    interpreter: { folder: '/python', fingerprint: '1' },
    engine: async () =>
      ok({
        open: async (spec: SandboxSpec) => {
          opened = spec;
          return ok({});
        },
      }),
  } as unknown as SourceBuildContext;
  const box = await openSourceSandbox(context, { sources: {}, sysroot: '/sysroot', toolsFolder });
  assert.ok(box.ok);
  assert.ok(opened?.mounts.some((one) => one.at === '/job/interpreter'));
  assert.equal(interpreterOf(context), '/job/tools/python3.11');
  // Not /lib64/ld-near.so.2 below its root: that may be a link to an absolute path, which is the toolchain's.
  assert.match(
    readFileSync(join(toolsFolder, 'python3.11'), 'utf8'),
    /exec \/job\/interpreter\/usr\/lib\/near-linux-gnu\/ld-near\.so\.2 --argv0 \/job\/interpreter\/usr\/bin\/python3\.11 --library-path \/job\/interpreter\/usr\/lib\/near-linux-gnu /,
  );
});

test('a build with fork servers calls their clients, the linker’s where the target has programs of that kind', async (t) => {
  const forkServers = {
    folder: '/store/servers',
    served: [
      { name: 'cc', program: '/usr/bin/clang-1' },
      { name: 'ld', program: '/usr/bin/ld.lld-1' },
    ],
  } as const;
  const compilerOf = async (elf: object | undefined, served: boolean) => {
    const toolsFolder = temporaryFolder(t);
    let mounts: SandboxSpec['mounts'] = [];
    const context = {
      definition: sourceSysroot(),
      target: { clangTriple: 'far', multiarch: 'far-away', elf },
      tools: { cc: 'clang-1', lld: 'lld-1' },
      launcher: { argv: [], mounts: [], key: {} },
      toolchain: { folder: '/toolchain' },
      engine: async () =>
        ok({
          open: async (spec: SandboxSpec) => {
            mounts = spec.mounts;
            return ok({});
          },
        }),
    } as unknown as SourceBuildContext;
    const spec = { sources: {}, sysroot: '/sysroot', toolsFolder, ...(served ? { forkServers } : {}) };
    assert.ok((await openSourceSandbox(context, spec)).ok);
    assert.equal(
      mounts.some(({ at }) => at === '/job/fork-server'),
      served,
    );
    assert.equal(existsSync(join(toolsFolder, 'serve')), served);
    return readFileSync(join(toolsFolder, 'clang'), 'utf8');
  };
  assert.match(
    await compilerOf({}, true),
    /^#!\/job\/fork-server\/bin\/cc @\nfar-away\n--target=far\n(?:.+\n)*-fuse-ld=lld-1\n--ld-path=\/job\/fork-server\/bin\/ld\n--sysroot=/,
  );
  const other = await compilerOf(undefined, true);
  assert.match(other, /^#!\/job\/fork-server\/bin\/cc @\n/);
  assert.doesNotMatch(other, /--ld-path/);
  const plain = await compilerOf({}, false);
  assert.match(plain, /\nexec clang-1 --target=far /);
  assert.doesNotMatch(plain, /--ld-path/);
});

test('a profile is made with our script, by a build of its own that counts', () => {
  const script = profileScript(sourceSysroot(WHOLE), ARCHIVES);
  assert.match(script, /--enable-optimizations/);
  assert.match(script, /PROFILE_TASK=\/job\/training\.py profile-run-stamp/);
  assert.match(script, /the training left no profile/);
  assert.doesNotMatch(script, /fprofile-instr-use|-flto/);
});

test('an argument of configure is quoted as one word for the shell', () => {
  const script = cpythonScript(sourceSysroot({ configure: ["--with-x=a b'c"] }), { upstream: '/u.tar.xz' });
  assert.ok(script.includes(`'--with-x=a b'\\''c'`));
});
