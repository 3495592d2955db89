import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  cratesIn,
  definitions,
  referencesIn,
  releasesOf,
  traceUndefined,
  undefinedSymbols,
} from '../../src/build/undefined-symbols.ts';
import { ok } from '../../src/domain/result.ts';
import type { Sandbox } from '../../src/engine/engine.ts';

test('undefined symbols are read from the output of lld and GNU ld, without duplicates', () => {
  const output = `rust-lld: error: undefined symbol: inflateEnd
>>> referenced by zlibmodule.c
ld.lld-19: error: undefined symbol: SSL_new
ld.lld-19: error: undefined symbol: inflateEnd
/usr/bin/ld: _bz2module.o: undefined reference to \`BZ2_bzDecompressInit'`;
  assert.deepEqual(undefinedSymbols(output), ['inflateEnd', 'SSL_new', 'BZ2_bzDecompressInit']);
  assert.deepEqual(undefinedSymbols('error: expected one of `,`'), []);
});

test('a symbol is traced to the archives that define it, not to those that use it', () => {
  const listing = `/sysroot/usr/lib/libz.a:inflate.o:0000000000001f30 T inflateEnd
/sysroot/usr/lib/libpython3.13.a:zlibmodule.o:                 U inflateEnd
/sysroot/usr/lib/libssl.a:libssl-lib-ssl_lib.o:00000000 T SSL_new
/sysroot/usr/lib/libother.a:a.o:00000000 t SSL_new`;
  const homes = definitions(listing, new Set(['inflateEnd', 'SSL_new', 'nowhere']));
  assert.deepEqual(
    [...homes],
    [
      ['inflateEnd', ['libz.a']],
      ['SSL_new', ['libssl.a']],
    ],
  );
});

test('a function that an older C library lacks is named with the release that brought it, not one that it has in another version', () => {
  const listing = `0000000000104320 T close_range@@GLIBC_2.34
000000000010a0f0 W pidfd_getpid@@GLIBC_2.39
00000000000a1c30 T memcpy@GLIBC_2.2.5
00000000000a2f40 i memcpy@@GLIBC_2.14
0000000000000000 A GLIBC_2.39`;
  const releases = releasesOf(listing, new Set(['close_range', 'pidfd_getpid', 'GLIBC_2.39']));
  assert.deepEqual(Object.fromEntries(releases), { close_range: '2.34', pidfd_getpid: '2.39' });
  assert.deepEqual([...releasesOf(listing, new Set(['memcpy'])).values()], ['2.14']);
});

test('where the output of lld and GNU ld says that a function is called is kept, each place once', () => {
  const output = `ld.lld-19: error: undefined symbol: close_range
>>> referenced by a.c:2
>>>               9bb0-a.o:(newer_than) in archive /job/out/liba.a
>>> referenced by a.c:2
/usr/bin/ld: main.o:(.text+0x8): undefined reference to \`pidfd_getpid'`;
  assert.deepEqual(referencesIn(output), [
    'close_range: a.c:2',
    'close_range: 9bb0-a.o:(newer_than) in archive /job/out/liba.a',
    'pidfd_getpid: main.o',
  ]);
});

test('crates are named by what their build scripts made and by their own libraries, not by others in the command', () => {
  const output = `note: clang-19 "/job/target/release/deps/libnot_it-0123456789abcdef.rlib"
ld.lld-19: error: undefined symbol: close_range
>>> referenced by a.c:2
>>>               a.o:(newer) in archive /job/target/aarch64-unknown-linux-gnu/release/build/rdkafka-sys-0123456789abcdef/out/liba.a
>>> referenced by lib.rs:1
>>>               b.o:(_ZN1b) in archive /job/target/release/deps/libopen_files-fedcba9876543210.rlib
/usr/bin/ld: /t/build/gnu-0123456789abcdef/out/libc.a(c.o): in function: undefined reference to \`pidfd_getpid'`;
  assert.deepEqual(cratesIn(output), ['gnu', 'open_files', 'rdkafka-sys']);
});

test('the cure of a function that came later is the release that has it, or the packages where no C library from source does', async () => {
  const listing = '0000000000104320 T close_range@@GLIBC_2.34\n000000000010a0f0 T gettid@@GLIBC_2.30\n';
  // What the image's own C library has.
  const sandbox: Sandbox = {
    run: async () => ok({ status: 0, stdout: Buffer.from(listing), stderr: Buffer.of(), ms: 1 }),
    copyOut: async () => ok(undefined),
    [Symbol.asyncDispose]: async () => {},
  };
  const fixOf = async (symbol: string, release: string, own = '2.31') => {
    const failure = { code: 'build/failed', what: 'It failed.', fix: [] } as const;
    const output = `ld.lld-19: error: undefined symbol: ${symbol}\n>>> referenced by a.c:2\n`;
    const traced = await traceUndefined(sandbox, output, failure, { release, own });
    assert.ok(!traced.ok && traced.error.code === 'build/glibc-too-new', JSON.stringify(traced));
    assert.match(traced.error.what, new RegExp(`glibc ${release}, does not have: ${symbol} \\(glibc 2\\.3`));
    return traced.error.fix.at(-1) ?? '';
  };
  assert.match(await fixOf('gettid', '2.17'), /need not be reached, write `glibc: "2\.30"`\.$/);
  assert.match(
    await fixOf('close_range', '2.17'),
    /reached, leave out `glibc` and write `python: \{from: packages\}`/,
  );
  assert.match(await fixOf('close_range', '2.31'), /reached, write `python: \{from: packages\}`/);
});
