import { uuidOf } from './cyclonedx.ts';

interface Document {
  readonly metadata?: {
    readonly timestamp?: string;
    readonly component?: { readonly purl?: string };
    readonly tools?: { readonly components?: readonly { readonly name: string; readonly version: string }[] };
  };
  readonly vulnerabilities?: readonly {
    readonly id: string;
    readonly analysis: { readonly detail: string };
    readonly affects: readonly { readonly ref: string }[];
  }[];
  readonly components?: readonly { readonly 'bom-ref': string; readonly purl?: string }[];
}

/**
 * What a CycloneDX document of ours says that patches corrected, as OpenVEX 0.2.0: scanners that read no `vulnerabilities` take it
 * beside a bill of materials. Each correction is stated of the component, and of it as a part of the program: scanners ask for
 * either. Without any correction the document has no statements.
 */
export function toOpenVex(cyclonedx: string): object {
  const { metadata = {}, vulnerabilities = [], components = [] } = JSON.parse(cyclonedx) as Document;
  const urls = new Map(components.map((one) => [one['bom-ref'], one.purl]));
  const program = metadata.component?.purl;
  const statements = vulnerabilities.flatMap(({ id, analysis, affects }) =>
    affects.flatMap(({ ref }) => {
      const purl = urls.get(ref);
      if (purl === undefined) return [];
      const part = { '@id': purl, identifiers: { purl } };
      const whole =
        program === undefined
          ? []
          : [{ '@id': program, identifiers: { purl: program }, subcomponents: [part] }];
      return [
        {
          vulnerability: { name: id },
          products: [part, ...whole],
          status: 'fixed',
          status_notes: analysis.detail,
        },
      ];
    }),
  );
  const [tool] = metadata.tools?.components ?? [];
  const body = {
    author: 'provision',
    timestamp: metadata.timestamp ?? new Date(0).toISOString(),
    version: 1,
    ...(tool === undefined ? {} : { tooling: `${tool.name} ${tool.version}` }),
    statements,
  };
  return {
    '@context': 'https://openvex.dev/ns/v0.2.0',
    '@id': `urn:uuid:${uuidOf(JSON.stringify(body))}`,
    ...body,
  };
}
