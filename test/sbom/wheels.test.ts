import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { wheelComponents } from '../../src/sbom/wheels.ts';
import { temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

const METADATA =
  'Metadata-Version: 2.5\nName: Num_Thing\nVersion: 2.1\nSummary: Numbers\nLicense-Expression: MIT\n\nText\n';

test('a wheel is listed with its licences, and with the libraries that its own bills of materials name', async (t) => {
  const site = temporaryFolder(t, 'wheels ü ');
  const openblas = 'pkg:generic/openblas@0.3.30';
  const cyclonedx = {
    bomFormat: 'CycloneDX',
    components: [
      { name: 'openblas', version: '0.3.30', purl: openblas },
      { name: 'quadmath', version: '14' },
      // Itself, as auditwheel lists it.
      { name: 'num-thing', version: '2.1', purl: 'pkg:pypi/num-thing@2.1' },
      null,
    ],
  };
  const reference = {
    referenceCategory: 'PACKAGE-MANAGER',
    referenceType: 'purl',
    referenceLocator: 'pkg:cargo/rand@0.9.0',
  };
  const spdx = {
    spdxVersion: 'SPDX-2.3',
    packages: [
      { name: 'rand', versionInfo: '0.9.0', externalRefs: [null, reference] },
      { name: 'unversioned' },
      null,
    ],
  };
  const info = 'num_thing-2.1.dist-info';
  put(site, {
    [`${info}/METADATA`]: METADATA,
    [`${info}/licenses/LICENSE.txt`]: 'You may.',
    [`${info}/licenses/lib/of-others.txt`]: 'You may, too.',
    [`${info}/sboms/auditwheel.cdx.json`]: JSON.stringify(cyclonedx),
    [`${info}/sboms/deeper/rust.spdx.json`]: JSON.stringify(spdx),
    [`${info}/sboms/broken.json`]: '{',
    [`${info}/sboms/of-another-kind.json`]: '[1]',
    [`${info}/sboms/notes.txt`]: 'not read',
    'plain-1.0.dist-info/METADATA': 'Name: plain\nVersion: 1.0\n\n',
  });
  const found = await wheelComponents(site);
  assert.deepEqual(
    found.map(({ purl, place }) => [purl, place]),
    [
      [openblas, 'beside'],
      ['pkg:generic/quadmath@14', 'beside'],
      ['pkg:cargo/rand@0.9.0', 'beside'],
      ['pkg:pypi/num-thing@2.1', 'beside'],
      ['pkg:pypi/plain@1.0', 'beside'],
    ],
  );
  const wheel = found[3];
  assert.deepEqual(wheel?.dependencies, [openblas, 'pkg:generic/quadmath@14', 'pkg:cargo/rand@0.9.0']);
  assert.equal(wheel?.licence, 'MIT');
  assert.deepEqual(wheel.texts, [
    { name: 'licenses-LICENSE.txt', text: 'You may.' },
    { name: 'licenses-lib-of-others.txt', text: 'You may, too.' },
  ]);
  assert.deepEqual(found[4]?.dependencies, []);
  assert.deepEqual(await wheelComponents(join(site, 'nowhere')), []);
});
