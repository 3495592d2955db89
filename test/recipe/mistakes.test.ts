import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Failure } from '../../src/failure.ts';
import { listRecipes } from '../../src/recipe/list.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import {
  definitionsHome,
  IMAGE,
  LIBC,
  PYTHON,
  RECIPE,
  REFERENCE,
  SYSROOT,
  TARGET,
} from '../support/definitions-home.ts';

interface Case {
  readonly title: string;
  /** File of the home → content, put over a home where all is well. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** Each mistake: code, location as `line:column`, and words of what or fix. */
  readonly mistakes: readonly (readonly [code: string, location: string, words: string])[];
  readonly in?: string;
}

const recipe = (change: (text: string) => string): Case['files'] => ({ 'recipes/far.yaml': change(RECIPE) });
const latin1 = Buffer.from(RECIPE.replace('A program', 'Größe, a program'), 'latin1');

const CASES: readonly Case[] = [
  {
    title: 'an unknown key, with a suggestion',
    files: recipe((text) => text.replace('sysroot:', 'sysrot:')),
    mistakes: [['recipe/unknown-key', '5:1', 'Did you mean `sysroot`?']],
  },
  {
    title: 'missing keys',
    files: recipe((text) =>
      text
        .replace('target: far\n', '')
        .replace(/samples:\n.*\n/, '')
        .replace('  bin: program\n', ''),
    ),
    mistakes: [
      ['recipe/missing-key', '1:1', 'Add `target: <text>`'],
      ['recipe/missing-key', '1:1', 'keys below it, indented: `path`'],
      ['recipe/missing-key', '6:1', '`project` has no `bin`'],
    ],
  },
  {
    title: 'files of a command outside of the folder of the recipe, or all of it',
    files: recipe(
      (text) =>
        `${text}tests:\n  commands:\n    - name: one\n      files: [config.toml, ../other, /etc/passwd, a/../.., ./]\n`,
    ),
    mistakes: [28, 38, 51, 60].map((column) => [
      'recipe/invalid-value',
      `15:${column}`,
      'a path relative to this file that does not leave its folder',
    ]),
  },
  {
    title: 'a key in camel case',
    files: recipe((text) => text.replace('  bin:', '  defaultFeatures: false\n  bin:')),
    mistakes: [['recipe/unknown-key', '9:3', 'Did you mean `default-features`?']],
  },
  {
    title: 'variables that no build can do without, beside one that may be set',
    files: recipe((text) =>
      text.replace(
        '  bin:',
        '  env:\n    CARGO_HOME: /x\n    RUSTFLAGS: --cfg x\n    CARGO_TARGET_FAR_LINKER: ld\n  bin:',
      ),
    ),
    mistakes: [
      ['recipe/reserved-variable', '10:5', '`CARGO_HOME` cannot be set'],
      ['recipe/reserved-variable', '12:5', '-Clink-arg='],
    ],
  },
  {
    title: 'a key at the wrong level',
    files: recipe((text) => `${text}bin: program\n`),
    mistakes: [['recipe/unknown-key', '12:1', 'belongs below `project`']],
  },
  {
    title: 'a key that resembles none',
    files: recipe((text) => `${text}zzzzzz: 1\n`),
    mistakes: [['recipe/unknown-key', '12:1', 'The keys here: `schema`, `description`']],
  },
  {
    title: 'three mistakes at once',
    files: recipe((text) =>
      text.replace('bin: program', 'bin: 7\n  features: yes').replace('target: far', 'target: "a b" #'),
    ),
    mistakes: [
      ['recipe/invalid-value', '3:9', 'a name of letters'],
      ['recipe/wrong-type', '9:8', 'Put it in quotes: `"7"`'],
      ['recipe/wrong-type', '10:13', 'Write `features: [<text>, <text>]`'],
    ],
  },
  {
    title: 'a missing value',
    files: recipe((text) => text.replace('target: far', 'target:')),
    mistakes: [['recipe/wrong-type', '3:8', '`target` has no value; it must be text']],
  },
  {
    title: 'a mapping instead of a string',
    files: recipe((text) => text.replace('path: ../crate/samples', 'path: {a: b}')),
    mistakes: [['recipe/wrong-type', '11:9', 'it must be a path or a list of paths']],
  },
  {
    title: 'a string instead of a mapping',
    files: recipe((text) => text.replace(/samples:\n.*\n/, 'samples: ../crate/samples\n')),
    mistakes: [['recipe/wrong-type', '10:10', 'it must be a mapping']],
  },
  {
    title: 'a number out of range',
    files: recipe((text) => `${text}  timeout: 0\n`),
    mistakes: [['recipe/invalid-value', '12:12', 'it must be more than 0']],
  },
  {
    title: 'invalid names and values of environment variables',
    files: recipe((text) => text.replace('  bin:', '  env:\n    A-B: x\n    C: 1\n  bin:')),
    mistakes: [
      ['recipe/invalid-key', '10:5', 'the name of an environment variable'],
      ['recipe/wrong-type', '11:8', 'Put it in quotes: `"1"`'],
    ],
  },
  {
    title: 'a duplicate key and an unknown one',
    files: recipe((text) => `${text}target: other\nzzzzzz: 1\n`),
    mistakes: [
      ['recipe/duplicate-key', '12:1', '`target` is given twice'],
      ['recipe/unknown-key', '13:1', 'zzzzzz'],
    ],
  },
  {
    title: 'a list',
    files: { 'recipes/far.yaml': '- a\n- b\n' },
    mistakes: [['recipe/wrong-type', '1:1', 'The file is a list']],
  },
  {
    title: 'an empty file',
    files: { 'recipes/far.yaml': '' },
    mistakes: [['recipe/empty', '1:1', 'is empty']],
  },
  {
    title: 'comments only',
    files: { 'recipes/far.yaml': '# a\n' },
    mistakes: [['recipe/empty', '1:1', 'is empty']],
  },
  {
    title: 'a newer schema, with no other mistake of the file',
    files: recipe((text) => text.replace('schema: 1', 'schema: 2\nnovelty: true')),
    mistakes: [['recipe/newer-schema', '1:9', 'this version of provision supports schema 1']],
  },
  {
    title: 'an older schema',
    files: recipe((text) => text.replace('schema: 1', 'schema: 0')),
    mistakes: [['recipe/invalid-value', '1:9', 'Write `schema: 1`']],
  },
  {
    title: 'no schema',
    files: recipe((text) => text.replace('schema: 1\n', '')),
    mistakes: [['recipe/missing-key', '1:1', 'Add `schema: 1`']],
  },
  {
    title: 'a tab',
    files: recipe((text) => text.replace('  bin', '\tbin')),
    mistakes: [['recipe/syntax', '9:1', 'Indent with spaces']],
  },
  {
    title: 'an unclosed quote',
    files: recipe((text) => text.replace('A program', '"A program')),
    mistakes: [['recipe/syntax', '2:14', 'never closed']],
  },
  {
    title: 'no space after the colon',
    files: recipe((text) => text.replace('target: ', 'target:')),
    mistakes: [['recipe/syntax', '3:1', 'a space after the key']],
  },
  {
    title: 'a colon within a value',
    files: recipe((text) => text.replace('A program', 'A program: big')),
    mistakes: [['recipe/syntax', '2:14', 'quote the value']],
  },
  {
    title: 'two documents',
    files: recipe((text) => `${text}---\na: 1\n`),
    mistakes: [['recipe/syntax', '12:1', 'more than one YAML document']],
  },
  {
    title: 'a tag',
    files: recipe((text) => text.replace('A program', '!!js/function A program')),
    mistakes: [['recipe/syntax', '2:14', 'tag']],
  },
  {
    title: 'aliases that would grow without bounds',
    files: {
      'recipes/far.yaml': `a: &a [x, x]\n${[...'bcdefghij'].map((c, i) => `${c}: &${c} [*${'abcdefghij'[i]}, *${'abcdefghij'[i]}]\n`).join('')}`,
    },
    mistakes: Array.from(
      { length: 10 },
      (_, i) => ['recipe/alias', `${i + 1}:`, 'anchors and aliases'] as const,
    ),
  },
  {
    title: 'keys that are not strings',
    files: recipe((text) => `${text}7: x\n__proto__: x\n`),
    mistakes: [
      ['recipe/bad-key', '12:1', 'not a string'],
      ['recipe/bad-key', '13:1', 'not a string'],
    ],
  },
  {
    title: 'deep nesting',
    files: { 'recipes/far.yaml': `a: ${'['.repeat(40)}${']'.repeat(40)}\n` },
    mistakes: [['recipe/too-deep', '1:36', 'nested']],
  },
  {
    title: 'nesting beyond the stack of a parser',
    files: { 'recipes/far.yaml': '- '.repeat(100_000) },
    mistakes: [['recipe/too-deep', '1:1', 'nested']],
  },
  {
    title: 'hundreds of mistakes',
    files: recipe((text) => `${text}${Array.from({ length: 500 }, (_, i) => `zzzzzz${i}: 1\n`).join('')}`),
    mistakes: Array.from(
      { length: 20 },
      (_, i) => ['recipe/unknown-key', `${12 + i}:1`, `zzzzzz${i}`] as const,
    ),
  },
  {
    title: 'control characters for the terminal',
    files: recipe((text) => text.replace('target: far', 'target: "\\e[2Jfar\\n" #')),
    mistakes: [['recipe/invalid-value', '3:9', '`\ufffd[2Jfar\ufffd`']],
  },
  {
    title: 'a huge file',
    files: { 'recipes/far.yaml': `${RECIPE}${'# x\n'.repeat(100_000)}` },
    mistakes: [['recipe/too-large', '1:1', '400']],
  },
  {
    title: 'Latin-1, not UTF-8',
    files: { 'recipes/far.yaml': latin1 },
    mistakes: [['recipe/encoding', '2:16', 'UTF-8']],
  },
  {
    title: 'UTF-16',
    files: { 'recipes/far.yaml': Buffer.from(`\ufeff${RECIPE}`, 'utf16le') },
    mistakes: [['recipe/encoding', '1:1', 'UTF-16']],
  },
  {
    title: 'four unknown names at once',
    files: recipe((text) =>
      text
        .replace('target: far', 'target: fra')
        .replace('toolchain: tools', 'toolchain: tool')
        .replace('sysroot: packaged', 'sysroot: pakcaged')
        .replace("'3.13'", "'3.12'"),
    ),
    mistakes: [
      ['recipe/unknown-target', '3:9', 'Did you mean `far`?'],
      ['recipe/unknown-toolchain', '4:12', 'Did you mean `tools`?'],
      ['recipe/unknown-sysroot', '5:10', 'Did you mean `packaged`?'],
      ['recipe/unknown-python', '6:19', 'There are: `3.13`.'],
    ],
  },
  {
    title: 'missing folders',
    files: recipe((text) =>
      text
        .replace('path: ../crate\n', 'path: ../no\n')
        .replace('path: ../crate/samples', 'path: [../crate, ../none]'),
    ),
    mistakes: [
      ['recipe/no-project', '8:9', 'Cargo.toml'],
      ['recipe/no-samples', '11:20', 'none'],
    ],
  },
  {
    title: 'settings of WebAssembly for another target',
    files: recipe((text) => `${text}runner: wasmtime\nwasm:\n  stack-mib: 4\n`),
    mistakes: [
      ['recipe/not-wasm', '12:1', 'Remove `runner`'],
      ['recipe/not-wasm', '13:1', 'Remove `wasm`'],
    ],
  },
  {
    title: 'a WebAssembly runtime for another target',
    files: recipe((text) => `${text}runtime: wasmtime\n`),
    mistakes: [['recipe/not-wasm', '12:1', 'Remove `runtime`']],
  },
  {
    title: 'a runtime by its new and its old name',
    files: recipe((text) => `${text}runtime: wasmtime\nrunner: node-wasi\n`),
    mistakes: [
      ['recipe/not-wasm', '13:1', 'Remove `runner`'],
      ['recipe/invalid-value', '13:1', 'the old name of `runtime`'],
    ],
  },
  {
    title: 'a sysroot for another C library',
    files: { 'sysroots/packaged/sysroot.yaml': SYSROOT.replace('libc: gnu', 'libc: musl') },
    mistakes: [['recipe/sysroot-misfit', '5:10', 'fit together']],
  },
  {
    title: 'a Python that is not available in the sysroot',
    files: {
      'pythons/cpython-3.13/python.yaml': PYTHON.replace('packaged: {}', 'other: {}'),
      'sysroots/other/sysroot.yaml': SYSROOT.replace('default: true', 'default: false'),
    },
    mistakes: [['recipe/sysroot-misfit', '5:10', 'Python 3.13 has no `packaged`']],
  },
  {
    title: 'a Python that names an unknown sysroot',
    files: { 'pythons/cpython-3.13/python.yaml': `${PYTHON}  pakcaged: {}\n` },
    mistakes: [['recipe/unknown-sysroot', '8:3', 'Did you mean `packaged`?']],
    in: 'pythons/cpython-3.13/python.yaml',
  },
  {
    title: 'a Python built from source without a source package',
    files: {
      'sysroots/packaged/sysroot.yaml': `${SYSROOT.replace('kind: packages', 'kind: cpython-source')}cpython: {}\n`,
    },
    mistakes: [['recipe/no-source', '7:3', 'source package']],
    in: 'pythons/cpython-3.13/python.yaml',
  },
  {
    title: 'an unknown variable, in a key and in a value',
    files: {
      'sysroots/packaged/sysroot.yaml': `${SYSROOT.replace('{python}-dev', '{pyhton}-dev')}  links: {"{arch}": x}\n`,
    },
    mistakes: [
      ['recipe/unknown-variable', '8:14', '`{python}`'],
      ['recipe/unknown-variable', '9:11', '`{multiarch}`'],
    ],
    in: 'sysroots/packaged/sysroot.yaml',
  },
  {
    title: 'an image that extends itself',
    files: { 'docker/tools/image.yaml': IMAGE.replace('schema: 1\n', 'schema: 1\nextends: tools\n') },
    mistakes: [['recipe/unknown-base', '2:10', 'itself']],
    in: 'docker/tools/image.yaml',
  },
  {
    title: 'an image without its required keys',
    files: {
      'docker/tools/image.yaml': IMAGE.replace('suite: trixie\n', '').replace(/packages: .clang.*\n/, ''),
    },
    mistakes: [
      ['recipe/missing-key', '1:1', 'Add `suite: trixie`'],
      ['recipe/missing-key', '1:1', 'Add `packages'],
    ],
    in: 'docker/tools/image.yaml',
  },
  {
    title: 'a toolchain without the standard library of Rust for the target',
    files: { 'docker/tools/image.yaml': IMAGE.replace(/ {2}gnu: .*\n/, '') },
    mistakes: [['recipe/no-rust-std', '4:12', '`rust-std`']],
  },
  {
    title: 'an unknown C library',
    files: { 'targets/far-unknown-linux-gnu.yaml': TARGET.replace('far-gnu-1', 'far-gnu-2') },
    mistakes: [['recipe/unknown-libc', '10:7', 'Did you mean `far-gnu-1`?']],
    in: 'targets/far-unknown-linux-gnu.yaml',
  },
  {
    title: 'optimization and variant of a packaged CPython',
    files: recipe((text) => `${text}optimization: [lto]\nvariant: debug\n`),
    mistakes: [['recipe/unknown-variant', '13:10', 'none']],
  },
  {
    title: 'a version that YAML takes for a number',
    files: { 'pythons/cpython-3.13/python.yaml': PYTHON.replace('"3.13"', '3.10') },
    mistakes: [['recipe/wrong-type', '4:10', 'Put it in quotes: `"3.10"`']],
    in: 'pythons/cpython-3.13/python.yaml',
  },
  {
    title: 'a sysroot of an unknown kind',
    files: { 'sysroots/packaged/sysroot.yaml': SYSROOT.replace('kind: packages', 'kind: package') },
    mistakes: [['recipe/invalid-value', '2:7', 'Did you mean `packages`?']],
    in: 'sysroots/packaged/sysroot.yaml',
  },
  {
    title: 'an emulated target without emulator',
    files: { 'targets/far-unknown-linux-gnu.yaml': TARGET.replace(/emulator:\n.*\n/, '') },
    mistakes: [['recipe/missing-key', '1:1', 'no `emulator`']],
    in: 'targets/far-unknown-linux-gnu.yaml',
  },
  {
    title: 'values outside of a list of values',
    files: {
      'targets/far-unknown-linux-gnu.yaml': TARGET.replace('endianness: little', 'endianness: litle').replace(
        'width: 64',
        'width: 63',
      ),
    },
    mistakes: [
      ['recipe/invalid-value', '11:16', 'it must be `32` or `64`'],
      ['recipe/invalid-value', '12:13', 'Did you mean `little`?'],
    ],
    in: 'targets/far-unknown-linux-gnu.yaml',
  },
  {
    title: 'paths that leave the tree',
    files: {
      'docker/tools/image.yaml': IMAGE.replace('bin/sh:', '../sh:')
        .replace('etc/hostname', '/etc/hostname')
        .replace('usr/share/games/**', 'a/../b'),
    },
    mistakes: [
      ['recipe/invalid-value', '7:11', 'inside the tree'],
      ['recipe/invalid-key', '9:3', 'inside the tree'],
      ['recipe/invalid-key', '11:3', 'inside the tree'],
    ],
    in: 'docker/tools/image.yaml',
  },
  {
    title: 'a reference image that names no interpreter',
    files: { 'pythons/reference.yaml': REFERENCE.replace(/tools:\n.*\n/, 'tools: {}\n') },
    mistakes: [['recipe/no-interpreter', '6:1', 'python: python3.13']],
    in: 'pythons/reference.yaml',
  },
  {
    title: 'a toolchain whose architecture no target has',
    files: { 'docker/tools/image.yaml': IMAGE.replace('architectures: [near]', 'architectures: [other]') },
    mistakes: [['recipe/no-host-target', '4:16', 'debian-arch']],
    in: 'docker/tools/image.yaml',
  },
  {
    title: 'images that extend each other',
    files: {
      'docker/tools/image.yaml': 'schema: 1\nextends: more\ndescription: One.\n',
      'docker/more/image.yaml': 'schema: 1\nextends: tools\ndescription: Two.\n',
    },
    mistakes: [['recipe/unknown-base', '2:10', 'extends itself']],
  },
  {
    title: 'architectures that are no list',
    files: { 'docker/tools/image.yaml': IMAGE.replace('[near]', 'near') },
    mistakes: [['recipe/wrong-type', '4:16', 'a list']],
    in: 'docker/tools/image.yaml',
  },
  {
    title: 'an architecture that is named twice',
    files: { 'docker/tools/image.yaml': IMAGE.replace('[near]', '[near, near]') },
    mistakes: [['recipe/invalid-value', '4:16', 'once']],
  },
  {
    title: 'two keys that are one when they are filled in',
    files: {
      'targets/libc/far-gnu-1.yaml': LIBC.replace('run:', '  links: {"{target}/a": x, far/a: y}\nrun:'),
    },
    mistakes: [['recipe/duplicate-key', '7:28', '`far/a`']],
  },
  {
    title: 'a target with the name of another',
    files: { 'targets/far2-unknown-linux-gnu.yaml': TARGET },
    mistakes: [['recipe/taken-name', '3:7', 'far-unknown-linux-gnu.yaml']],
    in: 'targets/far2-unknown-linux-gnu.yaml',
  },
  {
    title: 'a target that is run by what does not fit its C library',
    files: {
      'targets/far-unknown-linux-gnu.yaml': TARGET.replace(
        /runtime: .*\nemulator:\n.*\n/,
        'runtime: wasmtime\n',
      ),
    },
    mistakes: [['recipe/runtime-misfit', '17:10', 'far-gnu-1']],
  },
  {
    title: 'an emulator that nothing starts',
    files: { 'targets/far-unknown-linux-gnu.yaml': TARGET.replace('qemu-user', 'wasmtime') },
    mistakes: [['recipe/invalid-value', '19:3', 'left out']],
  },
  {
    title: 'a target whose programs only its own machine could start',
    files: { 'targets/far-unknown-linux-gnu.yaml': TARGET.replace('qemu-user', 'native') },
    mistakes: [['recipe/invalid-value', '17:10', 'Write `runtime: qemu-user`']],
  },
  {
    title: 'a Python in the folder of another version',
    files: { 'pythons/cpython-3.14/python.yaml': PYTHON },
    mistakes: [['recipe/invalid-name', '4:10', 'cpython-3.13']],
    in: 'pythons/cpython-3.14/python.yaml',
  },
  {
    title: 'a Python for a target that is not there',
    files: { 'pythons/cpython-3.13/python.yaml': PYTHON.replace('{}', '{targets: [far, nearr]}') },
    mistakes: [['recipe/unknown-target', '7:29', 'Did you mean `near`?']],
  },
  {
    title: 'patches from elsewhere',
    files: {
      'pythons/cpython-3.13/python.yaml': PYTHON.replace('{}', '{patches: [../../x, /etc/passwd]}'),
    },
    mistakes: [
      ['recipe/invalid-value', '7:24', 'inside the tree'],
      ['recipe/invalid-value', '7:33', 'inside the tree'],
    ],
  },
  {
    title: 'two sysroots of one kind that are the default of a C library',
    files: { 'sysroots/second/sysroot.yaml': SYSROOT },
    mistakes: [['recipe/second-default', '5:1', '`packaged`']],
    in: 'sysroots/second/sysroot.yaml',
  },
  {
    title: 'mistakes in two definitions',
    files: {
      'docker/tools/image.yaml': `${IMAGE}more: 1\n`,
      'targets/libc/far-gnu-1.yaml': `${LIBC}more: 1\n`,
    },
    mistakes: [
      ['recipe/unknown-key', '20:1', 'an image'],
      ['recipe/unknown-key', '9:1', 'a C library'],
    ],
  },
];

for (const { title, files, mistakes, in: file } of CASES) {
  test(title, async (t) => {
    const home = definitionsHome(t, files);
    const result = await resolveRecipe({ home, cwd: home }, './recipes/far.yaml');
    assert.ok(!result.ok, 'it was accepted');
    const { also = [], ...first } = result.error;
    const found = [first, ...also];
    const seen = found.map(({ code, at }) => `${code} ${at?.line}:${at?.column}`);
    const wanted = mistakes.map(([code, location]) => `${code} ${location}`);
    assert.equal(found.length, mistakes.length, JSON.stringify(found, null, 1));
    for (const [i, [, , words]] of mistakes.entries()) {
      assert.ok(
        seen[i]?.startsWith(wanted[i] as string),
        `${seen[i]} is not ${wanted[i]}\n${JSON.stringify(found[i])}`,
      );
      assert.ok(
        textOf(found[i] as Failure).includes(words),
        `"${words}" is not in:\n${textOf(found[i] as Failure)}`,
      );
    }
    if (file !== undefined) assert.equal(first.at?.file, join(home, file));
    assert.ok(
      found.every(({ fix }) => fix.length > 0),
      'a mistake without a way out',
    );
  });
}

test('a location quotes the line as it is written, and its column counts characters', async (t) => {
  const home = definitionsHome(
    t,
    recipe((text) =>
      text.replace('samples:\n', 'samples: {"𝒳ü": 1}   # why\r\n').replace(/ {2}path: .*samples\n/, ''),
    ),
  );
  const result = await resolveRecipe({ home, cwd: home }, './recipes/far.yaml');
  assert.ok(!result.ok);
  const unknown = [result.error, ...(result.error.also ?? [])].find(
    ({ code }) => code === 'recipe/unknown-key',
  );
  assert.deepEqual(unknown?.at, {
    file: join(home, 'recipes/far.yaml'),
    line: 10,
    column: 11,
    text: 'samples: {"𝒳ü": 1}   # why',
  });
});

function textOf({ what, why = '', fix }: Failure): string {
  return [what, why, ...fix].join('\n');
}

test('a recipe that has the name of a target’s own, and is for another', async (t) => {
  const home = definitionsHome(t, { 'recipes/near.yaml': RECIPE });
  const result = await resolveRecipe({ home, cwd: '/' }, 'near');
  assert.ok(!result.ok);
  assert.equal(result.error.code, 'recipe/taken-name');
  assert.equal(result.error.at?.line, 3);
});

test('a target’s name is found behind a byte order mark and in quotes, and asked for where it is not', async (t) => {
  const file = 'targets/far-unknown-linux-gnu.yaml';
  const rest = TARGET.replace('name: far\n', '');
  for (const text of [`\ufeffname: far\n${rest}`, `"name": 'far'\n${rest}`]) {
    assert.ok((await listRecipes(definitionsHome(t, { [file]: text }))).ok);
  }
  const hidden = await listRecipes(
    definitionsHome(t, { [file]: TARGET.replace('name: far', 'name:\n  far') }),
  );
  assert.ok(!hidden.ok);
  assert.equal(hidden.error.code, 'recipe/invalid-value');
});

test('a file in place of a folder holds no definitions', async (t) => {
  const home = definitionsHome(t, { 'targets/libc/far-gnu-1.yaml': undefined });
  rmSync(join(home, 'targets'), { recursive: true });
  writeFileSync(join(home, 'targets'), '');
  const result = await listRecipes(home);
  assert.ok(!result.ok);
  assert.equal(result.error.code, 'recipe/unknown-target');
});
