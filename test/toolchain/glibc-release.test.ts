import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { asGlibcRelease } from '../../src/toolchain/glibc-release.ts';
import { temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { makeLibrary } from '../support/elf-library.ts';

const LIBC = makeLibrary({
  symbols: ['memfd_create@@GLIBC_2.27', 'fcntl64@@GLIBC_2.28', 'fcntl@@GLIBC_2.2.5'],
});
const LIBM = makeLibrary({ symbols: ['exp@@GLIBC_2.29', 'exp@GLIBC_2.2.5'] });

const FEATURES = '#define\t__GLIBC__\t2\n#define\t__GLIBC_MINOR__\t31\n';
const FCNTL = `#ifndef __USE_FILE_OFFSET64
extern int fcntl (int __fd, int __cmd, ...);
#else
extern int __REDIRECT (fcntl, (int __fd, int __cmd, ...), fcntl64);
#endif
`;

/** A link-time tree as glibc's packages make it. */
function tree(t: TestContext, change: Readonly<Record<string, string>> = {}): string {
  const root = temporaryFolder(t, 'provision glibc ü ');
  put(root, {
    'usr/include/features.h': FEATURES,
    'usr/include/fcntl.h': FCNTL,
    'usr/lib/far-linux-gnu/libc.so': 'GROUP ( libc.so.6 libc_nonshared.a )\n',
    ...change,
  });
  const folder = join(root, 'usr/lib/far-linux-gnu');
  mkdirSync(join(folder, 'gconv'));
  writeFileSync(join(folder, 'libc-2.31.so'), LIBC.bytes, { mode: 0o755 });
  writeFileSync(join(folder, 'libm-2.31.so'), LIBM.bytes);
  symlinkSync('libc-2.31.so', join(folder, 'libc.so.6'));
  // Whatever leads out of the tree is none of it.
  symlinkSync('/', join(folder, 'root.so'));
  return root;
}

test('libraries and headers of a tree are those of an earlier release', async (t) => {
  const root = tree(t);
  const folder = join(root, 'usr/lib/far-linux-gnu');
  assert.deepEqual(await asGlibcRelease(root, 'far', '2.17'), { ok: true, value: undefined });
  assert.deepEqual(LIBC.symbols(readFileSync(join(folder, 'libc.so.6'))), [
    ...['memfd_create@GLIBC_2.27', 'fcntl64@GLIBC_2.28', 'fcntl@@GLIBC_2.2.5'],
  ]);
  assert.deepEqual(LIBM.symbols(readFileSync(join(folder, 'libm-2.31.so'))), [
    ...['exp@GLIBC_2.29', 'exp@@GLIBC_2.2.5'],
  ]);
  assert.match(
    readFileSync(join(root, 'usr/include/features.h'), 'utf8'),
    /__GLIBC__\t2\n.*__GLIBC_MINOR__\t17\n/,
  );
  // Programs with large files call fcntl by its only name.
  assert.match(readFileSync(join(root, 'usr/include/fcntl.h'), 'utf8'), /^#if 1\nextern int fcntl \(/);
  // The same packages and release make the same tree.
  const changed = [join(folder, 'libc-2.31.so'), join(root, 'usr/include/features.h')].map((file) =>
    statSync(file),
  );
  assert.deepEqual([...new Set(changed.map(({ mtimeMs }) => mtimeMs))], [Date.UTC(1980, 0, 1)]);
  assert.equal((changed[0]?.mode ?? 0) & 0o777, 0o755);
});

test('headers of glibc declare nothing that came later, so that sources can bring their own; others are left alone', async (t) => {
  const own = `/* This file is part of the GNU C Library.  */
__BEGIN_DECLS
/* Make a file in memory;
   memfd_create (name) does; it is new.  */
int memfd_create (const char *__name,
		  unsigned int __flags) __THROW;
extern int fcntl (int __fd, int __cmd, ...);
extern int __REDIRECT (other, (int __fd), fcntl64);
extern ssize_t __REDIRECT_NTH (memfd_create, (int), other) __THROW;
extern int not_memfd_create (int);
__END_DECLS
`;
  const other = 'extern int memfd_create (const char *, unsigned int);\n';
  const root = tree(t, { 'usr/include/far/own.h': own, 'usr/include/other.h': other });
  assert.ok((await asGlibcRelease(root, 'far', '2.17')).ok);
  const after = own.replace(/int memfd_create \(const[^;]*;/, '\n').replace(/extern ssize_t [^;]*;/, '');
  assert.equal(readFileSync(join(root, 'usr/include/far/own.h'), 'utf8'), after);
  assert.equal(readFileSync(join(root, 'usr/include/other.h'), 'utf8'), other);
});

test('what the release has stays: from 2.28 on fcntl has two names', async (t) => {
  const root = tree(t);
  assert.ok((await asGlibcRelease(root, 'far', '2.28')).ok);
  const libc = readFileSync(join(root, 'usr/lib/far-linux-gnu/libc-2.31.so'));
  assert.deepEqual(libc, LIBC.bytes);
  assert.equal(readFileSync(join(root, 'usr/include/fcntl.h'), 'utf8'), FCNTL);
});

for (const [what, change, release] of [
  ['a C library that has nothing later', {}, '2.29'],
  ['no header that states the release', { 'usr/include/features.h': '#define __GLIBC__ 2\n' }, '2.17'],
  ['a header with other lines', { 'usr/include/fcntl.h': 'extern int fcntl (int, int, ...);\n' }, '2.17'],
] as const)
  test(`${what}: archive/no-glibc`, async (t) => {
    const made = await asGlibcRelease(tree(t, change), 'far', release);
    assert.ok(!made.ok);
    assert.equal(made.error.code, 'archive/no-glibc');
    assert.match(made.error.what, new RegExp(`in far cannot be linked with as glibc ${release}`));
    assert.match(made.error.why ?? '', /`usr\/(lib|include\/features\.h|include\/fcntl\.h)`/);
  });
