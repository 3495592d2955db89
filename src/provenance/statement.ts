import type { Digest } from '../domain/ids.ts';

/** Types of the specifications (in-toto Attestation Framework 1.0, SLSA Provenance 1.0): names, which nothing is read from. */
const STATEMENT = 'https://in-toto.io/Statement/v1';
const PREDICATE = 'https://slsa.dev/provenance/v1';
/** What `externalParameters` mean here. */
const BUILD_TYPE = 'urn:provision:recipe:1';
const BUILDER = 'urn:provision:builder';

/** A file by name and digest (in-toto, `ResourceDescriptor`). */
export interface Resource {
  readonly name?: string;
  readonly uri?: string;
  readonly digest?: { readonly sha256: string };
}

export interface ProvenanceInput {
  /** The artifact first, then what is in it. */
  readonly subjects: readonly { readonly name: string; readonly digest: Digest }[];
  readonly recipe: string;
  readonly target: string;
  /** Of the program. */
  readonly project: Readonly<Record<string, string | boolean | readonly string[]>>;
  /** The build: its environment and the command, as the sandbox saw them. */
  readonly environment: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly sourceDateEpoch: number;
  readonly dependencies: readonly Resource[];
  /** Bills of materials, by file name. */
  readonly documents: Readonly<Record<string, Digest>>;
  /** Version of this program. */
  readonly provision: string;
}

/** The keys of a statement that are read here. */
export interface Statement {
  readonly _type: string;
  readonly subject: readonly { readonly name: string; readonly digest: { readonly sha256: string } }[];
  readonly predicateType: string;
  readonly predicate: {
    readonly buildDefinition: {
      readonly externalParameters: { readonly recipe: string; readonly target: string };
      readonly resolvedDependencies: readonly Resource[];
    };
    readonly runDetails: {
      readonly builder: { readonly id: string; readonly version: { readonly provision: string } };
      readonly byproducts: readonly Resource[];
    };
  };
}

/** The statement about an artifact. It holds nothing of the machine or of the time: the same build states the same. */
export function statementOf(input: ProvenanceInput): Statement {
  const parameters = {
    externalParameters: { recipe: input.recipe, target: input.target, project: input.project },
    internalParameters: {
      command: input.command,
      environment: input.environment,
      sourceDateEpoch: input.sourceDateEpoch,
    },
  };
  return {
    _type: STATEMENT,
    subject: input.subjects.map(({ name, digest }) => ({ name, digest: { sha256: hexOf(digest) } })),
    predicateType: PREDICATE,
    predicate: {
      buildDefinition: {
        ...{ buildType: BUILD_TYPE, ...parameters },
        resolvedDependencies: input.dependencies,
      },
      runDetails: {
        builder: { id: BUILDER, version: { provision: input.provision } },
        byproducts: Object.entries(input.documents)
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .map(([name, digest]) => ({ name, digest: { sha256: hexOf(digest) } })),
      },
    },
  };
}

export function hexOf(digest: string): string {
  return digest.replace(/^sha256:/, '');
}

/** A statement of this kind; undefined for anything else. */
export function readStatement(text: string): Statement | undefined {
  let value: Partial<Statement>;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { subject, predicate } = value ?? {};
  const known =
    value?._type === STATEMENT &&
    value.predicateType === PREDICATE &&
    Array.isArray(subject) &&
    subject.every((one) => typeof one?.name === 'string' && typeof one.digest?.sha256 === 'string') &&
    Array.isArray(predicate?.runDetails?.byproducts) &&
    typeof predicate.buildDefinition?.externalParameters?.recipe === 'string';
  return known ? (value as Statement) : undefined;
}
