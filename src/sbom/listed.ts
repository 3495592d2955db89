import { defined } from '../domain/defined.ts';

/** A component as a CycloneDX document lists it. */
export interface ListedComponent {
  readonly name: string;
  readonly version: string;
  readonly purl?: string;
  /** Of the file that it came as, in hexadecimal. */
  readonly sha256?: string;
}

/** What is delivered by what a CycloneDX document describes, and the target that it is for; undefined: it is no such document. */
export function readListed(
  text: string,
): { readonly components: readonly ListedComponent[]; readonly target?: string } | undefined {
  const document = parse(text);
  if (document === undefined || !Array.isArray(document.components)) return undefined;
  const components = document.components.flatMap((one): readonly ListedComponent[] => {
    const { name, version, purl, scope, hashes } = (one ?? {}) as Record<string, unknown>;
    if (typeof name !== 'string' || typeof version !== 'string' || scope === 'excluded') return [];
    return [
      {
        ...{ name, version },
        ...defined({ purl: typeof purl === 'string' ? purl : undefined, sha256: sha256In(hashes) }),
      },
    ];
  });
  return { components, ...defined({ target: targetOf(document) }) };
}

function sha256In(hashes: unknown): string | undefined {
  const found = (Array.isArray(hashes) ? hashes : []).find((one) => one?.alg === 'SHA-256')?.content;
  return typeof found === 'string' ? found : undefined;
}

/** The packages that an SPDX document lists; undefined: it is no such document. */
export function readSpdxListed(text: string): readonly ListedComponent[] | undefined {
  const { spdxVersion, packages } = (parse(text) ?? {}) as SpdxDocument;
  if (typeof spdxVersion !== 'string' || !Array.isArray(packages)) return undefined;
  return packages.flatMap((one: Partial<SpdxPackage> | null): readonly ListedComponent[] => {
    const { name, versionInfo: version, externalRefs } = one ?? {};
    if (typeof name !== 'string' || typeof version !== 'string') return [];
    const refs = Array.isArray(externalRefs) ? externalRefs : [];
    const purl = refs.find((ref) => ref?.referenceType === 'purl')?.referenceLocator;
    return [{ name, version, ...defined({ purl: typeof purl === 'string' ? purl : undefined }) }];
  });
}

interface SpdxDocument {
  readonly spdxVersion?: unknown;
  readonly packages?: unknown;
}

interface SpdxPackage {
  readonly name: unknown;
  readonly versionInfo: unknown;
  readonly externalRefs: readonly ({
    readonly referenceType?: unknown;
    readonly referenceLocator?: unknown;
  } | null)[];
}

interface Document {
  readonly components?: unknown;
  readonly metadata?: {
    readonly properties?: readonly { readonly name?: unknown; readonly value?: unknown }[];
  };
}

function parse(text: string): Document | undefined {
  try {
    return (JSON.parse(text) as Document | null) ?? undefined;
  } catch {
    return undefined;
  }
}

function targetOf({ metadata }: Document): string | undefined {
  const properties = Array.isArray(metadata?.properties) ? metadata.properties : [];
  const found = properties.find((one) => one?.name === 'provision:target')?.value;
  return typeof found === 'string' ? found : undefined;
}
