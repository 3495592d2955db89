import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileExcludes } from '../../src/archive/exclude.ts';
import { dropUnusedLinks } from '../../src/archive/root-layout.ts';
import { distribution } from '../../src/distro/distribution.ts';
import { file, folder, hardLink, symlink } from '../support/deb.ts';
import { unpackingRoot, unpackParts } from '../support/unpacking.ts';

function keptOf(patterns: readonly string[], paths: readonly string[]): string[] {
  const excludes = compileExcludes(distribution.layout, patterns);
  return paths.filter((path) => !excludes(path, false));
}

test('documentation is left out, licences are not', () => {
  assert.deepEqual(
    keptOf(
      [],
      [
        './usr/share/doc/clang/README.gz',
        './usr/share/doc/clang/copyright',
        './usr/share/doc/clang/html/copyright',
        './usr/share/doc-base/clang',
        './usr/share/man/man1/clang.1.gz',
        './usr/share/info/gcc.info',
        './usr/share/locale/de/LC_MESSAGES/bash.mo',
        './usr/share/locales/here',
        './usr/share/i18n/charmaps/UTF-8.gz',
        './usr/share/lintian/overrides/clang',
        './usr/share/common-licenses/GPL-3',
        './usr/lib/locale/C.utf8/LC_CTYPE',
        './usr/share/man',
        './usr/bin/man',
      ],
    ),
    [
      './usr/share/doc/clang/copyright',
      './usr/share/locales/here',
      './usr/share/common-licenses/GPL-3',
      './usr/lib/locale/C.utf8/LC_CTYPE',
      './usr/bin/man',
    ],
  );
});

test('with a merged /usr, what packages put into /lib and /bin lands in /usr', async (t) => {
  const at = unpackingRoot(t, { links: true });
  const done = await unpackParts(at, [
    [folder('./lib/'), file('./lib/one', '1'), folder('./bin/'), file('./bin/tool', 't', { mode: 0o755 })],
    [file('./usr/lib/two', '2'), hardLink('./lib/three', './lib/two'), symlink('./lib64', 'usr/lib64')],
    [file('./lib64/loader', 'l')],
  ]);
  assert.ok(done.ok, JSON.stringify(done));
  for (const name of ['lib', 'bin', 'sbin', 'lib64'])
    assert.equal(readlinkSync(join(at.root, name)), `usr/${name}`);
  for (const name of ['lib/one', 'lib/two', 'lib/three', 'bin/tool', 'lib64/loader']) {
    assert.ok(lstatSync(join(at.root, 'usr', name)).isFile(), name);
  }
});

test('links into /usr behind which nothing was unpacked go, the others stay', (t) => {
  const { root } = unpackingRoot(t, { links: true });
  mkdirSync(join(root, 'usr/lib64'));
  writeFileSync(join(root, 'usr/lib64/loader'), 'l');
  dropUnusedLinks(root, distribution.layout);
  for (const name of ['bin', 'sbin', 'lib', 'lib64'])
    assert.equal(readlinkSync(join(root, name)), `usr/${name}`);
  for (const name of ['lib32', 'libx32']) {
    assert.equal(lstatSync(join(root, name), { throwIfNoEntry: false }), undefined, name);
    assert.ok(!existsSync(join(root, 'usr', name)), name);
  }
});
