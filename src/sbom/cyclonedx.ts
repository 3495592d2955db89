import { createHash } from 'node:crypto';
import { defined } from '../domain/defined.ts';
import { isListed } from './licence.ts';
import { type Component, type Patch, type Sbom, timeOf } from './model.ts';

/** CycloneDX 1.6, as JSON (ECMA-424). */
export function toCycloneDx(sbom: Sbom): object {
  const { program, components, provision } = sbom;
  const shipped = components.filter(({ place }) => place !== 'tool');
  const tools = components.filter(({ place }) => place === 'tool');
  const known = new Set([program, ...shipped].map(({ id }) => id));
  const body = {
    metadata: {
      timestamp: timeOf(sbom),
      lifecycles: [{ phase: 'build' }],
      tools: { components: [{ type: 'application', name: 'provision', version: provision }] },
      component: { type: 'application', ...componentOf(program) },
      properties: [{ name: 'provision:target', value: sbom.target }],
    },
    components: shipped.map((one) => ({
      type: one.place === 'origin' ? 'operating-system' : 'library',
      // What the system has is no part of what is delivered.
      scope: one.place === 'system' || one.place === 'origin' ? 'excluded' : 'required',
      ...componentOf(one),
    })),
    dependencies: [program, ...shipped].map(({ id, dependencies = [] }) => ({
      ref: id,
      dependsOn: dependencies.filter((one) => known.has(one)),
    })),
    vulnerabilities: shipped.flatMap(vulnerabilitiesOf),
    formulation: [
      {
        'bom-ref': 'build',
        components: tools.map((one) => ({ type: 'application', ...componentOf(one) })),
      },
    ],
  };
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(body))}`,
    version: 1,
    ...body,
  };
}

function componentOf(one: Component) {
  const { source, patches = [] } = one;
  return {
    'bom-ref': one.id,
    name: one.name,
    version: one.version,
    ...defined({ description: one.description }),
    ...(one.sha256 === undefined ? {} : { hashes: [{ alg: 'SHA-256', content: one.sha256 }] }),
    ...licencesOf(one.licence),
    ...defined({ purl: one.purl }),
    ...(patches.length === 0 ? {} : { pedigree: { patches: patches.map(patchOf) } }),
    properties: [
      { name: 'provision:place', value: one.place },
      ...(source === undefined
        ? []
        : [{ name: 'provision:source', value: `${source.name} ${source.version}` }]),
      ...sourceProperties(one),
    ],
  };
}

/** The source package in the words of a scanner that reads it nowhere else, and looks corrections up by it. */
function sourceProperties({ name, source }: Component) {
  if (source === undefined || source.name === name) return [];
  return [
    { name: 'aquasecurity:trivy:SrcName', value: source.name },
    { name: 'aquasecurity:trivy:SrcVersion', value: source.version },
  ];
}

function licencesOf(licence: string | undefined): object {
  if (licence === undefined) return {};
  return {
    licenses: isListed(licence)
      ? [{ license: { id: licence, acknowledgement: 'declared' } }]
      : [{ expression: licence, acknowledgement: 'declared' }],
  };
}

function patchOf({ name, from, resolves }: Patch) {
  const issues = resolves.map((id) => ({ type: 'security', id, name: id }));
  return {
    type: from === 'distribution' ? 'backport' : 'unofficial',
    resolves: issues.length > 0 ? issues : [{ type: 'defect', id: name, name }],
  };
}

/** Vulnerabilities that patches corrected, for readers that compare versions only (CycloneDX, "VEX"). */
function vulnerabilitiesOf({ id, patches = [] }: Component) {
  const fixed = new Map<string, string[]>();
  for (const { name, resolves } of patches)
    for (const cve of resolves) fixed.set(cve, [...(fixed.get(cve) ?? []), name]);
  return [...fixed].sort().map(([cve, names]) => ({
    'bom-ref': `${id}#${cve}`,
    id: cve,
    analysis: { state: 'resolved', detail: `Corrected by the patch ${names.join(', ')}.` },
    affects: [{ ref: id }],
  }));
}

/** A version 8 UUID, whose bits are the digest's (RFC 9562, 5.8). */
export function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
