// From CPython's sysconfig data to PyO3's configuration file.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Target } from '../../src/domain/target.ts';
import { pyo3Config } from '../../src/env/pyo3-config.ts';
import { describePython } from '../../src/sysroot/python.ts';
import { temporaryFolder } from '../support/cli.ts';
import { sourceSysroot } from '../support/source-sysroot.ts';

const TARGET: Target = {
  name: 'far',
  rustTriple: 'far-unknown-linux-musl',
  description: 'The far machine.',
  recipe: 'far',
  tier: 3,
  clangTriple: 'far-linux-musl',
  multiarch: 'far-linux-musl',
  debianArch: 'far',
  ociPlatform: 'linux/far',
  machine: 'far',
  maybeOn: [],
  libc: 'musl',
  cLibrary: 'musl-1',
  pointerWidth: 64,
  endianness: 'little',
  elf: { machine: 'FAR', number: 4660 },
  runtime: 'qemu-user',
  emulator: { program: 'qemu-far' },
};

function tree(context: { after(done: () => void): void }, modlibs: string): string {
  const root = temporaryFolder(context);
  const files: Readonly<Record<string, string>> = {
    'usr/lib/python3.13/_sysconfigdata__linux_far-linux-musl.py': `build_time_vars = {'VERSION': '3.13',
 'ABIFLAGS': '', 'LDVERSION': '3.13', 'Py_ENABLE_SHARED': 0, 'LIBDIR': '/usr/lib', 'MULTIARCH': 'far-linux-musl',
 'SOABI': 'cpython-313-far-linux-musl', 'SIZEOF_VOID_P': 8, 'LIBS': '-ldl  -lpthread', 'SYSLIBS': '-lm ',
 'MODLIBS': '${modlibs}'}\n`,
    'usr/include/python3.13/patchlevel.h': '#define PY_VERSION "3.13.5"\n',
    'usr/lib/libpython3.13.a': '',
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test('the link line has the configured libraries without duplicates and without archives inside libpython', async (t) => {
  const root = tree(t, '-lm -L/sysroot/usr/lib -lz Modules/expat/libexpat.a -lz -lssl -lcrypto');
  const python = await describePython(root, sourceSysroot(), TARGET);
  assert.ok(python.ok, JSON.stringify(python));
  assert.equal(python.value.linkage, 'static');
  assert.deepEqual(
    python.value.link?.libraries.map(({ name }) => name),
    ['python3.13', 'm', 'z', 'ssl', 'crypto', 'dl', 'pthread'],
  );
  assert.deepEqual(python.value.link?.folders, ['usr/lib', 'usr/lib/far-linux-musl']);
});

test('the PyO3 configuration lists every library with its kind and suppresses its own link lines', async (t) => {
  const link = { static: [], dynamic: ['m', 'dl', 'pthread'], wholePython: true, pie: false, arguments: [] };
  const python = await describePython(tree(t, '-lm -lz'), sourceSysroot({}, { link }), TARGET);
  assert.ok(python.ok);
  const lines = pyo3Config(python.value, '/sysroot').trimEnd().split('\n');
  // PyO3's condition for `auto-initialize`.
  assert.ok(lines.includes('shared=true'));
  assert.ok(lines.includes('suppress_build_script_link_lines=true'));
  assert.deepEqual(
    lines.filter((line) => line.startsWith('extra_build_script_line=')).map((line) => line.slice(24)),
    [
      'cargo:rustc-link-search=native=/sysroot/usr/lib',
      'cargo:rustc-link-search=native=/sysroot/usr/lib/far-linux-musl',
      'cargo:rustc-link-lib=static:-bundle,+whole-archive=python3.13',
      'cargo:rustc-link-lib=dylib=m',
      'cargo:rustc-link-lib=static:-bundle=z',
      'cargo:rustc-link-lib=dylib=dl',
      'cargo:rustc-link-lib=dylib=pthread',
    ],
  );
});
