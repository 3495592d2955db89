import assert from 'node:assert/strict';
import { test } from 'node:test';
import { licenceOf, purlOf } from '../../src/distro/debian/bill.ts';
import type { LockedPackage } from '../../src/domain/packages.ts';
import { isListed, licenceExpression } from '../../src/sbom/licence.ts';

const LOCKED: LockedPackage = {
  name: 'libssl3t64',
  version: '3.5.7-1~deb13u2',
  architecture: 'amd64',
  path: 'pool/main/o/openssl/libssl3t64_3.5.7-1~deb13u2_amd64.deb',
  digest: `sha256:${'0'.repeat(64)}`,
  size: 1,
};

test('what manifests state becomes an expression, or nothing', () => {
  for (const [text, expected] of [
    ['MIT', 'MIT'],
    ['MIT/Apache-2.0', 'MIT OR Apache-2.0'],
    ['MIT / Apache-2.0', 'MIT OR Apache-2.0'],
    ['(MIT OR Apache-2.0) AND Unicode-3.0', '(MIT OR Apache-2.0) AND Unicode-3.0'],
    ['MIT License', 'MIT'],
    ['Apache License, Version 2.0', 'Apache-2.0'],
    ['BSD 3-Clause License', 'BSD-3-Clause'],
    ['do what you like', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    assert.equal(licenceExpression(text), expected, text);
  }
});

test('one identifier is told from an expression', () => {
  for (const text of ['MIT', 'bzip2-1.0.6', 'blessing', 'GPL-2.0-or-later']) assert.ok(isListed(text), text);
  for (const text of ['MIT OR Zlib', 'LicenseRef-x', 'GPL-2.0-only WITH Classpath-exception-2.0', 'x'])
    assert.ok(!isListed(text), text);
});

test('a package URL has the source package and the release that corrections are listed by', () => {
  assert.equal(
    purlOf(LOCKED, 'trixie'),
    'pkg:deb/debian/libssl3t64@3.5.7-1~deb13u2?arch=amd64&distro=debian-13&upstream=openssl',
  );
  const source = { ...LOCKED, name: 'openssl', architecture: 'source', version: '1:2+b1' };
  assert.equal(purlOf(source, 'sid'), 'pkg:deb/debian/openssl@1%3A2%2Bb1?arch=source&distro=debian-sid');
});

test('a copyright file states a licence only where it is the same for all that upstream wrote', () => {
  const file = (files: string, licence: string): string =>
    `Files: ${files}\nCopyright: x\nLicense: ${licence}\n text\n\n`;
  assert.equal(licenceOf(file('*', 'Expat')), 'MIT');
  assert.equal(licenceOf(file('*', 'Expat') + file('debian/*', 'GPL-2+')), 'MIT');
  assert.equal(licenceOf(file('*', 'Expat or Apache-2.0')), 'MIT OR Apache-2.0');
  assert.equal(licenceOf(file('*', 'GPL-2+') + file('libuuid/*', 'BSD-3-clause')), undefined);
  assert.equal(licenceOf(file('*', 'own words')), undefined);
  assert.equal(licenceOf('This package was debianized by …\n'), undefined);
});
