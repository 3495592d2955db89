import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definitions, undefinedSymbols } from '../../src/build/undefined-symbols.ts';

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
