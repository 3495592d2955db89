import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSysconfigdata } from '../../src/sysroot/sysconfigdata.ts';

test('parseSysconfigdata reads strings, integers, wrapped and adjacent strings', () => {
  const parsed = parseSysconfigdata(
    [
      '# system configuration generated and used by the sysconfig module',
      "build_time_vars = {'ABIFLAGS': '',",
      " 'CONFIG_ARGS': \"'--enable-shared' '--prefix=/usr' \"",
      '                "\'CC=gcc\'",',
      " 'LIBS': ('-lpthread '",
      "          '-ldl'),",
      " 'SIZEOF_VOID_P': 8,",
      " 'ESCAPED': 'a\\'b\\\\c\\n\\x41',",
      " 'NEGATIVE': -1,",
      " 'VERSION': '3.13'}",
      '',
    ].join('\n'),
    'x.py',
  );
  assert.deepEqual(parsed, {
    ok: true,
    value: {
      ABIFLAGS: '',
      CONFIG_ARGS: "'--enable-shared' '--prefix=/usr' 'CC=gcc'",
      LIBS: '-lpthread -ldl',
      SIZEOF_VOID_P: 8,
      ESCAPED: "a'b\\c\nA",
      NEGATIVE: -1,
      VERSION: '3.13',
    },
  });
});

for (const [name, text] of [
  ['nothing', ''],
  ['no assignment', "{'A': 1}"],
  ['cut in the middle', "build_time_vars = {'A': 1,"],
  ['cut in a value', "build_time_vars = {'A':"],
  ['a value that is no literal', "build_time_vars = {'A': f(1)}"],
] as const) {
  test(`parseSysconfigdata rejects ${name}`, () => {
    const parsed = parseSysconfigdata(text, 'x.py');
    assert.equal(parsed.ok, false);
    assert.equal(!parsed.ok && parsed.error.code, 'build/sysconfigdata-malformed');
  });
}
