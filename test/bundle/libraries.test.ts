import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReadelf } from '../../src/bundle/elf.ts';
import { checkProgram } from '../../src/bundle/leaks.ts';
import { closeOver } from '../../src/bundle/libraries.ts';
import type { Target } from '../../src/domain/target.ts';

// As binutils 2.44 prints it.
const OUTPUT = `
File: /job/project/isolate
ELF Header:
  Class:                             ELF64
  Type:                              DYN (Position-Independent Executable file)
  Machine:                           AArch64

Program Headers:
  INTERP         0x0002e0 0x00000000000002e0 0x00000000000002e0 0x00001b 0x00001b R   0x1
      [Requesting program interpreter: /lib/ld-linux-aarch64.so.1]

Dynamic section at offset 0x1d68 contains 30 entries:
  Tag        Type                         Name/Value
 0x000000000000000f (RPATH)              Library rpath: [$ORIGIN/../lib]
 0x0000000000000001 (NEEDED)             Shared library: [libpython3.13.so.1.0]
 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]

File: /sysroot/usr/lib/aarch64-linux-gnu/libpython3.13.so.1.0
ELF Header:
  Machine:                           AArch64
 0x0000000000000001 (NEEDED)             Shared library: [libz.so.1]
 0x000000000000000e (SONAME)             Library soname: [libpython3.13.so.1.0]

File: /etc/passwd
`;

const TARGET = {
  rustTriple: 'aarch64-unknown-linux-gnu',
  elf: { machine: 'AArch64', interpreter: '/lib/ld-linux-aarch64.so.1' },
} as Target;

test('reads machine, interpreter, search path and needs; leaves out what is no ELF', () => {
  const files = parseReadelf(OUTPUT);
  assert.deepEqual(
    [...files.keys()],
    ['/job/project/isolate', '/sysroot/usr/lib/aarch64-linux-gnu/libpython3.13.so.1.0'],
  );
  assert.deepEqual(files.get('/job/project/isolate'), {
    machine: 'AArch64',
    interpreter: '/lib/ld-linux-aarch64.so.1',
    needed: ['libpython3.13.so.1.0', 'libc.so.6'],
    rpath: '$ORIGIN/../lib',
  });
});

test('closes over what is needed through others, without what libc brings', () => {
  const elf = (needed: readonly string[]) => ({ machine: 'AArch64', needed });
  const closure = closeOver({
    roots: new Map([['isolate', elf(['liba.so.1', 'libc.so.6'])]]),
    available: new Map([
      ['liba.so.1', 'lib/liba.so.1.2'],
      ['libb.so.1', 'lib/libb.so.1'],
      ['libunused.so', 'lib/libunused.so'],
    ]),
    elf: new Map([
      ['lib/liba.so.1.2', elf(['libb.so.1'])],
      ['lib/libb.so.1', elf(['liba.so.1', 'libc.so.6'])],
    ]),
    provided: new Map([['libc.so.6', 'lib/libc.so.6']]),
  });
  assert.ok(closure.ok);
  assert.deepEqual(
    [...closure.value],
    [
      ['liba.so.1', 'lib/liba.so.1.2'],
      ['libb.so.1', 'lib/libb.so.1'],
    ],
  );
});

test('a library that nobody has is a failure that says who needs it', () => {
  const closure = closeOver({
    roots: new Map([['isolate', { machine: 'AArch64', needed: ['libnowhere.so.3'] }]]),
    available: new Map(),
    elf: new Map(),
    provided: new Map(),
  });
  assert.equal(!closure.ok && closure.error.code, 'build/missing-library');
  assert.deepEqual(!closure.ok && closure.error.evidence, ['isolate needs libnowhere.so.3']);
});

test('a program of the wrong machine, interpreter or with a path of the build machine is refused', () => {
  const good = {
    machine: 'AArch64',
    interpreter: '/lib/ld-linux-aarch64.so.1',
    needed: [],
    rpath: '$ORIGIN/../lib',
  };
  assert.equal(checkProgram('isolate', good, TARGET), undefined);
  const bad = [
    { ...good, machine: 'Advanced Micro Devices X86-64' },
    { ...good, interpreter: '/lib64/ld-linux-x86-64.so.2' },
    { ...good, rpath: '$ORIGIN/../lib:/usr/lib/llvm-19/lib' },
  ];
  for (const file of bad) assert.equal(checkProgram('isolate', file, TARGET)?.code, 'build/leak');
  assert.equal(checkProgram('isolate', undefined, TARGET)?.code, 'build/not-elf');
});
