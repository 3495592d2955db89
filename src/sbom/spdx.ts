import { defined } from '../domain/defined.ts';
import { uuidOf } from './cyclonedx.ts';
import { type Component, type Place, type Sbom, timeOf } from './model.ts';

const DOCUMENT = 'SPDXRef-DOCUMENT';
const PROGRAM = 'SPDXRef-Program';
/** By this name scanners know it. */
const ORIGIN = 'SPDXRef-OperatingSystem';

/** SPDX 2.3, as JSON (ISO/IEC 5962 and its successor). */
export function toSpdx(sbom: Sbom): object {
  const { program, components, provision, target } = sbom;
  const ids = new Map<string, string>([
    [program.id, PROGRAM],
    ...components.map(
      ({ id, place }, i) => [id, place === 'origin' ? ORIGIN : `SPDXRef-Component-${i + 1}`] as const,
    ),
  ]);
  const all = [program, ...components];
  const body = {
    name: `${program.name}-${program.version}-${target}`,
    creationInfo: { created: timeOf(sbom), creators: [`Tool: provision-${provision}`] },
    packages: all.map((one) => packageOf(one, ids.get(one.id) as string, one === program)),
    relationships: [
      relation(DOCUMENT, 'DESCRIBES', PROGRAM),
      ...components.map(({ id, place }) => RELATIONS[place](ids.get(id) as string)),
      ...all.flatMap(({ id, dependencies = [] }) =>
        dependencies.flatMap((other) => {
          const to = ids.get(other);
          return to === undefined ? [] : [relation(ids.get(id) as string, 'DEPENDS_ON', to)];
        }),
      ),
    ],
  };
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: DOCUMENT,
    documentNamespace: `urn:uuid:${uuidOf(JSON.stringify(body))}`,
    ...body,
  };
}

const RELATIONS: Readonly<Record<Place, (id: string) => object>> = {
  inside: (id) => relation(PROGRAM, 'CONTAINS', id),
  beside: (id) => relation(PROGRAM, 'DEPENDS_ON', id),
  system: (id) => relation(id, 'PREREQUISITE_FOR', PROGRAM),
  tool: (id) => relation(id, 'BUILD_TOOL_OF', PROGRAM),
  // The other way round, a scanner takes the crates of the program for packages of the release.
  origin: (id) => ({ ...relation(PROGRAM, 'OTHER', id), comment: 'Packages in it are of this release.' }),
};

const PURPOSES: Readonly<Record<Place, string>> = {
  ...{ inside: 'LIBRARY', beside: 'LIBRARY', system: 'LIBRARY' },
  ...{ tool: 'APPLICATION', origin: 'OPERATING_SYSTEM' },
};

function relation(spdxElementId: string, relationshipType: string, relatedSpdxElement: string): object {
  return { spdxElementId, relationshipType, relatedSpdxElement };
}

function packageOf(one: Component, id: string, program: boolean) {
  const { source, patches = [] } = one;
  const fixed = [...new Set(patches.flatMap(({ resolves }) => resolves))].sort();
  // As scanners read it, which look corrections up by the source package; nothing may stand behind it.
  const sourceInfo = source === undefined ? '' : `built package from: ${source.name} ${source.version}`;
  const comment = [
    ...(patches.length === 0 ? [] : [`With the patches ${patches.map(({ name }) => name).join(', ')}.`]),
    ...(fixed.length === 0 ? [] : [`Corrected by these patches: ${fixed.join(', ')}.`]),
    // Scanners take whatever has a package URL for a part of what is shipped, whatever the relationship.
    ...(one.place === 'tool' && one.purl !== undefined ? [`Nothing of ${one.purl} is shipped.`] : []),
  ].join(' ');
  return {
    SPDXID: id,
    name: one.name,
    versionInfo: one.version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    primaryPackagePurpose: program ? 'APPLICATION' : PURPOSES[one.place],
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: one.licence ?? 'NOASSERTION',
    copyrightText: 'NOASSERTION',
    ...defined({ description: one.description }),
    ...(one.sha256 === undefined ? {} : { checksums: [{ algorithm: 'SHA256', checksumValue: one.sha256 }] }),
    ...(sourceInfo === '' ? {} : { sourceInfo }),
    ...(comment === '' ? {} : { comment }),
    ...(one.purl === undefined || one.place === 'tool'
      ? {}
      : {
          externalRefs: [
            {
              referenceCategory: 'PACKAGE-MANAGER',
              referenceType: 'purl',
              referenceLocator: one.purl,
            },
          ],
        }),
  };
}
