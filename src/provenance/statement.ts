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
  /** Base64 of the resource itself. */
  readonly content?: string;
}

/** What was built: what `externalParameters` hold. */
export interface Parameters {
  readonly recipe: string;
  /** As `--python` names it, where that was given. */
  readonly python?: string;
  readonly target: string;
  /** Of the program. */
  readonly project: Readonly<Record<string, string | boolean | readonly string[]>>;
}

export interface ProvenanceInput {
  /** The artifact first, then what is in it. */
  readonly subjects: readonly { readonly name: string; readonly digest: Digest }[];
  readonly parameters: Parameters;
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
      readonly buildType: string;
      readonly externalParameters: Parameters;
      readonly internalParameters: { readonly sourceDateEpoch: number };
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
    externalParameters: input.parameters,
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
  const value = parse(text);
  if (!isProvenance(value)) return undefined;
  const { subject, predicate } = value;
  const { buildDefinition: built, runDetails: ran } = predicate;
  const stated = built.externalParameters;
  const known =
    built.buildType === BUILD_TYPE &&
    subject.every((one) => typeof one?.name === 'string' && typeof one.digest?.sha256 === 'string') &&
    isText(stated?.recipe) &&
    isText(stated.target) &&
    // Without it nobody could say whether a key that has an end still counts.
    Number.isFinite(built.internalParameters?.sourceDateEpoch) &&
    isText(stated.python ?? '') &&
    isText(stated.project?.bin ?? '') &&
    [built.resolvedDependencies, ran?.byproducts].every(isResources) &&
    isText(ran.builder?.version?.provision);
  return known ? value : undefined;
}

/** What was built, in the words of its builder, where a text is a statement of provenance of any kind. */
export function buildTypeOf(text: string): string | undefined {
  const value = parse(text);
  return isProvenance(value) ? String(value.predicate.buildDefinition.buildType) : undefined;
}

/** Whether it is a name of ours: of this version or another one. */
export function isOurBuildType(type: string): boolean {
  return type.startsWith(BUILD_TYPE.replace(/\d+$/, ''));
}

/** When a statement was made at the earliest: the time of what went in. Milliseconds since the epoch. */
export function earliestTime({ predicate }: Statement): number {
  const { internalParameters, resolvedDependencies } = predicate.buildDefinition;
  const times = resolvedDependencies.flatMap(({ content }) => {
    const lock = content === undefined ? undefined : parse(Buffer.from(content, 'base64').toString('utf8'));
    return Date.parse((lock as { readonly resolved?: string } | null)?.resolved ?? '') || [];
  });
  return Math.max(0, internalParameters.sourceDateEpoch * 1000, ...times);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isProvenance(value: unknown): value is Statement {
  const { _type, predicateType, subject, predicate } = (value ?? {}) as Partial<Statement>;
  return (
    _type === STATEMENT &&
    predicateType === PREDICATE &&
    Array.isArray(subject) &&
    typeof predicate?.buildDefinition === 'object' &&
    predicate.buildDefinition !== null
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isResources(value: unknown): boolean {
  const isResource = (one: Partial<Resource> | null): boolean =>
    typeof one === 'object' &&
    one !== null &&
    [one.name, one.uri, one.content, one.digest?.sha256].every((field) => isText(field ?? ''));
  return Array.isArray(value) && value.every(isResource);
}
