import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toCycloneDx } from '../../src/sbom/cyclonedx.ts';
import type { Sbom } from '../../src/sbom/model.ts';
import { toOpenVex } from '../../src/sbom/openvex.ts';

const PYTHON = 'pkg:deb/debian/python3.13@3.13.5-2?arch=source&distro=trixie';

function sbomWith(patches: readonly string[]): Sbom {
  return {
    program: {
      id: 'pkg:cargo/isolate@0.1.0',
      name: 'isolate',
      version: '0.1.0',
      place: 'inside',
      purl: 'pkg:cargo/isolate@0.1.0',
    },
    components: [
      {
        ...{ id: PYTHON, name: 'python3.13', version: '3.13.5-2', place: 'inside', purl: PYTHON },
        patches: patches.map((name) => ({
          ...{ name, from: 'distribution' },
          resolves: name.match(/CVE-\d+-\d+/g) ?? [],
        })),
      },
    ],
    ...{ provision: '1.2.3', time: 1_700_000_000, target: 'x86_64-unknown-linux-gnu' },
  };
}

const vexOf = (patches: readonly string[]) => toOpenVex(JSON.stringify(toCycloneDx(sbomWith(patches))));

test('each correction is a statement of the component, and of it inside the program', () => {
  const { '@id': id, ...vex } = vexOf([
    'CVE-2026-1000.patch',
    'CVE-2026-1000-2.patch',
    'speed.patch',
  ]) as Record<string, unknown>;
  assert.match(String(id), /^urn:uuid:[0-9a-f]{8}-/);
  const part = { '@id': PYTHON, identifiers: { purl: PYTHON } };
  const program = 'pkg:cargo/isolate@0.1.0';
  assert.deepEqual(vex, {
    '@context': 'https://openvex.dev/ns/v0.2.0',
    author: 'provision',
    timestamp: '2023-11-14T22:13:20Z',
    version: 1,
    tooling: 'provision 1.2.3',
    statements: [
      {
        vulnerability: { name: 'CVE-2026-1000' },
        products: [part, { '@id': program, identifiers: { purl: program }, subcomponents: [part] }],
        status: 'fixed',
        status_notes: 'Corrected by the patch CVE-2026-1000.patch, CVE-2026-1000-2.patch.',
      },
    ],
  });
});

test('the same corrections give the same document, and without any there are no statements', () => {
  assert.deepEqual(vexOf(['CVE-2026-1.patch']), vexOf(['CVE-2026-1.patch']));
  assert.deepEqual((vexOf(['speed.patch']) as { statements: unknown }).statements, []);
});
