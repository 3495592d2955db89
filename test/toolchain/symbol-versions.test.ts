import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { hideNewerSymbols } from '../../src/toolchain/symbol-versions.ts';
import { temporaryFolder } from '../support/cli.ts';
import { type LibraryParts, makeLibrary } from '../support/elf-library.ts';

/** The symbols of a library after what is newer than a release was hidden, and how many that were. */
function hidden(release: string, symbols: readonly string[], more: Partial<LibraryParts> = {}) {
  const { bytes, symbols: read } = makeLibrary({ symbols, ...more });
  assert.deepEqual(read(bytes), symbols);
  const { changed, absent } = hideNewerSymbols(bytes, release);
  return { changed, absent, symbols: read(bytes) };
}

test('a symbol has the newest version of those that are not newer as its default', () => {
  const of = (release: string) =>
    hidden(release, ['memcpy@@GLIBC_2.14', 'memcpy@GLIBC_2.2.5', 'exp@@GLIBC_2.29', 'exp@GLIBC_2.2.5']);
  assert.deepEqual(of('2.28'), {
    changed: 1,
    absent: [],
    symbols: ['memcpy@@GLIBC_2.14', 'memcpy@GLIBC_2.2.5', 'exp@GLIBC_2.29', 'exp@@GLIBC_2.2.5'],
  });
  assert.deepEqual(of('2.12'), {
    changed: 2,
    absent: [],
    symbols: ['memcpy@GLIBC_2.14', 'memcpy@@GLIBC_2.2.5', 'exp@GLIBC_2.29', 'exp@@GLIBC_2.2.5'],
  });
  assert.equal(of('2.29').changed, 0);
  // Releases are compared as numbers.
  assert.equal(hidden('2.10', ['one@@GLIBC_2.9', 'two@@GLIBC_2.2.5']).changed, 0);
});

test('a symbol that came later has no default; one that had none, and what is no release, stay as they are', () => {
  const symbols = [
    'getrandom@@GLIBC_2.25',
    'gets@GLIBC_2.2.5',
    'cfree@GLIBC_2.30',
    '__libc_early@@GLIBC_PRIVATE',
    'plain',
    '_rtld_global@@GLIBC_2.99?',
  ];
  const after = hidden('2.17', symbols);
  assert.deepEqual(after, {
    changed: 1,
    absent: ['getrandom'],
    symbols: ['getrandom@GLIBC_2.25', ...symbols.slice(1)],
  });
});

test('libraries of every class and byte order are read', () => {
  for (const bits of [32, 64] as const)
    for (const endianness of ['little', 'big'] as const)
      assert.deepEqual(
        hidden('2.17', ['log@@GLIBC_2.29', 'log@GLIBC_2.4'], { bits, endianness }),
        { changed: 1, absent: [], symbols: ['log@GLIBC_2.29', 'log@@GLIBC_2.4'] },
        `${bits} ${endianness}`,
      );
});

test('what is no library with versions of glibc is left alone', () => {
  const { bytes } = makeLibrary({ symbols: ['a@@XCRYPT_2.0', 'b@@GCC_99.0'] });
  const before = Buffer.from(bytes);
  assert.equal(hideNewerSymbols(bytes, '2.17').changed, 0);
  assert.deepEqual(bytes, before);
  for (const other of [Buffer.alloc(0), Buffer.from('/* GNU ld script */ GROUP ( libc.so.6 )\n'.repeat(9))])
    assert.equal(hideNewerSymbols(other, '2.17').changed, 0);
  const whole = makeLibrary({ symbols: ['log@@GLIBC_2.29', 'log@GLIBC_2.4'] }).bytes;
  // Of the last section only its place is read.
  for (let length = 0; length < whole.length - 64; length += 1) {
    const part = Buffer.from(whole.subarray(0, length));
    assert.equal(hideNewerSymbols(part, '2.17').changed, 0, `the first ${length} bytes`);
    assert.ok(part.equals(whole.subarray(0, length)));
  }
});

test("programs still run with this machine's own C library when much of it is hidden", (t) => {
  const { sharedObjects } = process.report.getReport() as { readonly sharedObjects: readonly string[] };
  const library = sharedObjects.find((path) => /\/libc\.so\.6$/.test(path));
  if (library === undefined) {
    t.skip('Node is not linked with glibc here');
    return;
  }
  const folder = temporaryFolder(t);
  const bytes = readFileSync(library);
  assert.ok(hideNewerSymbols(bytes, '2.17').changed > 80);
  writeFileSync(join(folder, basename(library)), bytes, { mode: 0o755 });
  const env = { LD_LIBRARY_PATH: folder };
  const program = [
    '-p',
    'process.report.getReport().sharedObjects.find((one) => one.endsWith("/libc.so.6"))',
  ];
  assert.equal(
    execFileSync(process.execPath, program, { env, encoding: 'utf8' }).trim(),
    join(folder, basename(library)),
  );
  assert.equal(execFileSync('/bin/sh', ['-c', 'echo 1 | cat'], { env, encoding: 'utf8' }), '1\n');
});
