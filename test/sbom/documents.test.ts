// The documents: valid by the official schemas, the same bytes each time, and what scanners look for in them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentFiles, documentsOf } from '../../src/sbom/documents.ts';
import type { Component, Sbom } from '../../src/sbom/model.ts';
import { originComponents } from '../../src/sbom/origin.ts';
import { assertCycloneDx, assertSpdx } from '../support/sbom-schemas.ts';

const CRATE = 'pkg:cargo/pyo3@0.30.1';
const PYTHON = 'pkg:deb/debian/python3.13@3.13.5-2%2Bdeb13u5?arch=source&distro=debian-13';

const COMPONENTS: readonly Component[] = [
  {
    ...{ id: CRATE, name: 'pyo3', version: '0.30.1', place: 'inside', purl: CRATE },
    licence: 'MIT OR Apache-2.0',
    sha256: 'ab'.repeat(32),
    texts: [{ name: 'LICENSE-MIT', text: 'Permission is hereby granted …\n' }],
  },
  {
    ...{ id: PYTHON, name: 'CPython', version: '3.13.5-2+deb13u5', place: 'inside', purl: PYTHON },
    licence: 'Python-2.0.1',
    source: { name: 'python3.13', version: '3.13.5-2+deb13u5' },
    patches: [
      { name: 'CVE-2026-6019.patch', from: 'distribution', resolves: ['CVE-2026-6019'] },
      { name: 'CVE-2026-6019-2.patch', from: 'distribution', resolves: ['CVE-2026-6019'] },
      { name: 'startup.patch', from: 'provision', resolves: [] },
    ],
  },
  { id: 'glibc', name: 'glibc', version: '2.30', place: 'system', purl: 'pkg:generic/glibc@2.30' },
  { id: 'rustc', name: 'rustc', version: '1.85.1', place: 'tool' },
  { id: 'debian@13', name: 'debian', version: '13', place: 'origin' },
  // Of the same name and version, from elsewhere.
  { id: 'pyo3-git', name: 'pyo3', version: '0.30.1', place: 'inside', texts: [{ name: 'L', text: 'x' }] },
];

const SBOM: Sbom = {
  program: {
    ...{ id: 'pkg:cargo/isolate@0.1.0', name: 'isolate', version: '0.1.0', place: 'inside' },
    purl: 'pkg:cargo/isolate@0.1.0',
    dependencies: [CRATE, PYTHON],
  },
  components: COMPONENTS,
  provision: '0.2.0',
  time: 1_700_000_000,
  target: 'x86_64-unknown-linux-musl',
};

test('both documents are valid by the official schemas', async () => {
  const { cyclonedx, spdx } = documentsOf(SBOM);
  await assertCycloneDx(cyclonedx);
  assertSpdx(spdx);
});

test('the schemas do refuse what is not valid', async () => {
  const { cyclonedx, spdx } = documentsOf(SBOM);
  await assert.rejects(assertCycloneDx(cyclonedx.replace('"backport"', '"backported"')));
  assert.throws(() => assertSpdx(spdx.replace('"CONTAINS"', '"HOLDS"')));
});

test('the same contents give the same bytes, others another number', () => {
  const [one, again] = [documentsOf(SBOM), documentsOf(structuredClone(SBOM))];
  assert.deepEqual(one, again);
  const other = documentsOf({ ...SBOM, time: SBOM.time + 1 });
  const number = (text: string): string => JSON.parse(text).serialNumber;
  assert.notEqual(number(one.cyclonedx), number(other.cyclonedx));
});

test('a corrected vulnerability is resolved, once for all of its patches', () => {
  const { components, vulnerabilities } = JSON.parse(documentsOf(SBOM).cyclonedx);
  assert.deepEqual(vulnerabilities, [
    {
      'bom-ref': `${PYTHON}#CVE-2026-6019`,
      id: 'CVE-2026-6019',
      analysis: {
        state: 'resolved',
        detail: 'Corrected by the patch CVE-2026-6019.patch, CVE-2026-6019-2.patch.',
      },
      affects: [{ ref: PYTHON }],
    },
  ]);
  const { pedigree } = components.find(({ name }: { name: string }) => name === 'CPython');
  assert.deepEqual(
    pedigree.patches.map(({ type }: { type: string }) => type),
    ['backport', 'backport', 'unofficial'],
  );
});

test('tools are no components, and what the system has is not delivered', () => {
  const { components, formulation } = JSON.parse(documentsOf(SBOM).cyclonedx);
  const named = (list: { name: string }[]): readonly string[] => list.map(({ name }) => name);
  assert.deepEqual(named(components), ['pyo3', 'CPython', 'glibc', 'debian', 'pyo3']);
  assert.deepEqual(named(formulation[0].components), ['rustc']);
  assert.deepEqual(components.filter(({ scope }: { scope: string }) => scope === 'excluded').map(named1), [
    'glibc',
    'debian',
  ]);
  const { relationships } = JSON.parse(documentsOf(SBOM).spdx);
  const kinds = relationships.map(({ relationshipType }: { relationshipType: string }) => relationshipType);
  assert.deepEqual(kinds.slice(0, 7), [
    'DESCRIBES',
    'CONTAINS',
    'CONTAINS',
    'PREREQUISITE_FOR',
    'BUILD_TOOL_OF',
    'OTHER',
    'CONTAINS',
  ]);
});

function named1({ name }: { readonly name: string }): string {
  return name;
}

test('the texts of licences are in folders of their own, with a table of what is shipped', () => {
  const files = documentFiles(SBOM, documentsOf(SBOM));
  assert.deepEqual(
    [...files.keys()],
    [
      'sbom.cdx.json',
      'sbom.spdx.json',
      'licenses/pyo3-0.30.1/LICENSE-MIT',
      'licenses/pyo3-0.30.1-2/L',
      'LICENSES.md',
    ],
  );
  const table = files.get('LICENSES.md') ?? '';
  assert.match(table, /^\| pyo3 \| 0\.30\.1 \| MIT OR Apache-2\.0 \| `licenses\/pyo3-0\.30\.1\/` \|$/m);
  assert.match(table, /^\| CPython \| 3\.13\.5-2\+deb13u5 \| Python-2\.0\.1 \| — \|$/m);
  assert.doesNotMatch(table, /rustc|glibc/);
});

test('the release of the distribution is that of most packages, and named as scanners know it', () => {
  const part = (name: string, release: number, place: Component['place'] = 'beside'): Component => {
    const purl = `pkg:deb/debian/${name}@1.0-1?arch=amd64&distro=debian-${release}`;
    return { id: purl, name, version: '1.0-1', place, purl };
  };
  const parts = [
    part('a', 11),
    part('b', 13),
    part('c', 13, 'inside'),
    ...[1, 2, 3].map((n) => part(`t${n}`, 12, 'tool')),
  ];
  const [origin, ...others] = originComponents(parts);
  assert.deepEqual([origin?.name, origin?.version, others], ['debian', '13', []]);
  assert.deepEqual(originComponents(COMPONENTS.filter(({ id }) => id !== PYTHON)), []);
  const { components } = JSON.parse(documentsOf(SBOM).cyclonedx);
  const systems = components.filter(({ type }: { type: string }) => type === 'operating-system');
  assert.deepEqual(systems.map(named1), ['debian']);
  const { packages } = JSON.parse(documentsOf(SBOM).spdx);
  const system = packages.find(({ name }: { name: string }) => name === 'debian');
  assert.deepEqual(
    [system.SPDXID, system.primaryPackagePurpose],
    ['SPDXRef-OperatingSystem', 'OPERATING_SYSTEM'],
  );
});

test('a component that is named otherwise than its source package says which that is, as scanners read it', () => {
  const { components } = JSON.parse(documentsOf(SBOM).cyclonedx);
  const python = components.find(({ name }: { name: string }) => name === 'CPython');
  const stated = python.properties.filter(({ name }: { name: string }) => name.includes('Src'));
  assert.deepEqual(
    stated.map(({ value }: { value: string }) => value),
    ['python3.13', '3.13.5-2+deb13u5'],
  );
  const { packages } = JSON.parse(documentsOf(SBOM).spdx);
  const same = packages.find(({ name }: { name: string }) => name === 'CPython');
  assert.equal(same.sourceInfo, 'built package from: python3.13 3.13.5-2+deb13u5');
  assert.match(same.comment, /^With the patches CVE-2026-6019\.patch, .*, startup\.patch\. Corrected by/);
});
