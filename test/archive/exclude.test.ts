import assert from 'node:assert/strict';
import { lstatSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileExcludes } from '../../src/archive/exclude.ts';
import { file, folder, hardLink, MTIME, symlink } from '../support/deb.ts';
import { BARE_LAYOUT, names, unpackingRoot, unpackParts } from '../support/unpacking.ts';

const LAYOUT = { ...BARE_LAYOUT, links: { lib: 'usr/lib' } };

function keptOf(patterns: readonly string[], paths: readonly string[]): string[] {
  const excludes = compileExcludes(LAYOUT, patterns);
  return paths.filter((path) => !excludes(path, false));
}

test('patterns of a definition: one name, any depth, special characters, folders behind the links of a layout', () => {
  const paths = [
    'usr/a',
    'usr/a/b',
    'usr/a/b/c',
    'usr/lib/x.a',
    'usr/lib/y/x.a',
    'lib/x.a',
    'lib',
    'usr/a+b',
    'usr/aab',
  ];
  const cases: readonly [string, readonly string[]][] = [
    ['usr/*', ['usr/a/b', 'usr/a/b/c', 'usr/lib/x.a', 'usr/lib/y/x.a', 'lib/x.a', 'lib']],
    ['usr/a/**', ['usr/lib/x.a', 'usr/lib/y/x.a', 'lib/x.a', 'lib', 'usr/a+b', 'usr/aab']],
    ['usr/lib/*.a', ['usr/a', 'usr/a/b', 'usr/a/b/c', 'usr/lib/y/x.a', 'lib', 'usr/a+b', 'usr/aab']],
    ['lib/**/x.a', ['usr/a', 'usr/a/b', 'usr/a/b/c', 'lib', 'usr/a+b', 'usr/aab']],
    ['**/x?a', ['usr/a', 'usr/a/b', 'usr/a/b/c', 'lib', 'usr/a+b', 'usr/aab']],
    [
      'usr/a+b',
      ['usr/a', 'usr/a/b', 'usr/a/b/c', 'usr/lib/x.a', 'usr/lib/y/x.a', 'lib/x.a', 'lib', 'usr/aab'],
    ],
    ['/usr/a', paths.slice(1)],
  ];
  for (const [pattern, kept] of cases) assert.deepEqual(keptOf([pattern], paths), kept, pattern);
});

test('what a pattern with `!` in front matches is unpacked, whatever the order of the patterns', () => {
  const paths = ['usr/bin/qemu-far', 'usr/bin/qemu-farther', 'usr/bin/near'];
  const kept = ['usr/bin/qemu-far', 'usr/bin/near'];
  assert.deepEqual(keptOf(['usr/bin/qemu-*', '!usr/bin/qemu-far'], paths), kept);
  assert.deepEqual(keptOf(['!usr/bin/qemu-far', 'usr/bin/qemu-*'], paths), kept);
  assert.deepEqual(keptOf(['!usr/bin/near'], paths), paths);
});

test('what a layout leaves out is left out, but for what it keeps', () => {
  const layout = { ...BARE_LAYOUT, exclude: ['opt/**'], keep: ['opt/*/licence'], keepLinks: ['opt/*'] };
  const excludes = compileExcludes(layout, ['opt/b/**']);
  const kept = (name: string, isSymlink = false): boolean => !excludes(name, isSymlink);
  assert.deepEqual(
    ['opt', 'opt/a', 'opt/a/licence', 'opt/a/x/licence', 'opt/b/licence', 'option'].filter((name) =>
      kept(name),
    ),
    ['opt/a/licence', 'option'],
  );
  assert.deepEqual([kept('opt/a', true), kept('opt/a/x', true), kept('opt/b', true)], [true, false, false]);
});

test('what is left out is not written, and a folder made for a licence has the mode and time of its entry', async (t) => {
  const at = unpackingRoot(t);
  const done = await unpackParts(
    at,
    [
      [
        folder('./usr/share/doc/tool/', { mode: 0o750, mtime: MTIME + 5 }),
        file('./usr/share/doc/tool/README'),
        file('./usr/share/doc/tool/copyright', 'licence'),
        symlink('./usr/share/doc/other', 'tool'),
        folder('./usr/share/man/'),
        file('./usr/share/man/tool.1'),
        file('./opt/big/data'),
        file('./opt/small'),
      ],
    ],
    { rules: { exclude: ['opt/big/**'] } },
  );
  assert.deepEqual(done, { ok: true, value: { files: 3, bytes: 7 + 11 } });
  assert.deepEqual(names(at.root), [
    'opt',
    'opt/small',
    'usr',
    'usr/share',
    'usr/share/doc',
    'usr/share/doc/other',
    'usr/share/doc/tool',
    'usr/share/doc/tool/copyright',
  ]);
  const { mode, mtimeMs } = lstatSync(join(at.root, 'usr/share/doc/tool'));
  assert.deepEqual([mode & 0o7777, mtimeMs], [0o750, (MTIME + 5) * 1000]);
});

test('hard links to a file that is left out get its content', async (t) => {
  const at = unpackingRoot(t);
  const done = await unpackParts(
    at,
    [
      [
        file('./gone/original', 'shared content', { mode: 0o755 }),
        hardLink('./gone/also', './gone/original'),
        hardLink('./kept/one', './gone/original'),
        hardLink('./kept/two', './gone/original'),
        hardLink('./kept/three', './gone/also'),
        hardLink('./kept/four', './kept/one'),
        file('./kept/unlike', 'other content'),
      ],
    ],
    { rules: { exclude: ['gone/**'] } },
  );
  assert.ok(done.ok, JSON.stringify(done));
  assert.deepEqual(names(at.root), [
    'kept',
    ...['four', 'one', 'three', 'two', 'unlike'].map((name) => `kept/${name}`),
  ]);
  const links = ['one', 'two', 'three', 'four'].map((name) => join(at.root, 'kept', name));
  assert.deepEqual(new Set(links.map((path) => readFileSync(path, 'utf8'))), new Set(['shared content']));
  assert.equal(new Set(links.map((path) => statSync(path).ino)).size, 1);
  assert.equal(statSync(join(at.root, 'kept/one')).mode & 0o777, 0o755);
});

test('a hard link whose target is kept is made even when another link to it is left out', async (t) => {
  const at = unpackingRoot(t);
  const parts = [file('./kept', 'x'), hardLink('./gone/link', './kept'), hardLink('./other', './gone/link')];
  const done = await unpackParts(at, [parts], { rules: { exclude: ['gone/**'] } });
  assert.ok(done.ok, JSON.stringify(done));
  assert.deepEqual(names(at.root), ['kept', 'other']);
  assert.equal(statSync(join(at.root, 'kept')).nlink, 2);
});

test('a hard link to a symbolic link that is left out is a failure', async (t) => {
  const at = unpackingRoot(t);
  const parts = [symlink('./gone/link', 'x'), hardLink('./kept', './gone/link')];
  const done = await unpackParts(at, [parts], { rules: { exclude: ['gone/**'] } });
  assert.ok(!done.ok);
  assert.equal(done.error.code, 'archive/missing-link-target');
});
