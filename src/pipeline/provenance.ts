import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cargoArguments } from '../build/build.ts';
import { readLinkedCrates } from '../build/linked-crates.ts';
import { distribution } from '../distro/distribution.ts';
import { artifactsFailure } from '../domain/artifacts.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Digest } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { exists, readTool } from '../exec/files.ts';
import { formatLock } from '../lock/lockfile.ts';
import { bundleOf, type Key, seal } from '../provenance/envelope.ts';
import { hexOf, type Resource, statementOf } from '../provenance/statement.ts';
import { pythonSuffix } from '../recipe/find.ts';
import { crateUrl } from '../sbom/crates.ts';
import { wheelUrl } from '../sbom/wheels.ts';
import { deliverText } from './deliver.ts';
import type { Package } from './formats.ts';
import type { Planned } from './prepare.ts';
import type { PythonInputs } from './python-inputs.ts';
import type { Made } from './runtimes.ts';
import { lockResource } from './stated-locks.ts';
import { allLocks, suiteOf } from './trees.ts';

interface Input {
  readonly planned: Planned;
  readonly made: Made;
  readonly packages: readonly Package[];
  readonly artifacts: string;
  readonly key: Key | undefined;
}

/** Writes the statement of each artifact beside it: signed where there is a key. */
export async function writeProvenance(context: Context, input: Input): Promise<Result<void>> {
  const { made, packages, artifacts, key } = input;
  const { meta } = made.bundle;
  const files = [
    { name: meta.archive, digest: meta.digest },
    ...packages.map((one) => ({ name: one.meta.file, digest: one.meta.digest })),
  ];
  const common = await commonOf(context, input);
  try {
    for (const file of files) {
      const subjects = [file, { name: made.program.meta.program, digest: made.program.meta.digest }];
      const text = `${JSON.stringify(statementOf({ ...common, subjects }), null, 1)}\n`;
      const names = statementFiles(join(artifacts, file.name));
      const written = key === undefined ? { plain: text } : sealed(text, key);
      for (const form of FORMS) {
        const wanted = written[form];
        // What an earlier run left would be of another file.
        if (wanted === undefined) await rm(names[form], { force: true });
        else await deliverText(names[form], wanted);
      }
    }
    return ok(undefined);
  } catch (error) {
    const failure = artifactsFailure(artifacts, error);
    if (failure === undefined) throw error;
    return err(failure);
  }
}

/** In which forms a statement is written, the one first that is looked for first. */
const FORMS = ['signed', 'bundle', 'plain'] as const;
type Form = (typeof FORMS)[number];

/** Where the statement of a file is: in its envelope, in a bundle of Sigstore's, and as it is. */
function statementFiles(file: string): Readonly<Record<Form, string>> {
  return {
    signed: `${file}.intoto.jsonl`,
    bundle: `${file}.sigstore.json`,
    plain: `${file}.intoto.json`,
  };
}

function sealed(text: string, key: Key): Readonly<Partial<Record<Form, string>>> {
  const signed = seal(text, key);
  return { signed, bundle: bundleOf(signed, key) };
}

async function commonOf({ settings }: Context, { planned, made }: Input) {
  const { plan } = planned;
  const { recipe, target } = plan;
  const { python } = settings;
  const withPython = python === undefined ? '' : pythonSuffix(python);
  const { bin, profile, features, defaultFeatures } = recipe.project;
  return {
    parameters: {
      recipe: recipe.name.slice(0, recipe.name.length - withPython.length),
      ...defined({ python }),
      target: target.rustTriple,
      project: { bin, profile, features, defaultFeatures },
    },
    environment: made.prepared.env.variables,
    command: cargoArguments(plan),
    sourceDateEpoch: made.prepared.sourceDateEpoch,
    dependencies: await dependenciesOf(planned, made),
    documents: made.documents.meta.digests,
    provision: readTool(settings.home).version,
  };
}

/** Everything that went into it, by digest: sources, locks and their texts, all that the locks name, wheels, crates. */
async function dependenciesOf({ plan, locks, python }: Planned, made: Made): Promise<readonly Resource[]> {
  const all = allLocks(locks);
  const packages = all.flatMap((locked) =>
    Object.entries(locked.lock.sets).flatMap(([set, list]) =>
      list.map((one) => ({
        uri: distribution.bill.purl(one, suiteOf(locks, locked, set, one)),
        digest: sha256(one.digest),
      })),
    ),
  );
  const { crates } = await readLinkedCrates(made.built.folder);
  const fromRegistry = crates.flatMap((one): readonly Resource[] =>
    one.checksum === undefined ? [] : [{ uri: crateUrl(one), digest: { sha256: one.checksum } }],
  );
  const { sources } = made.built.meta;
  const unique = new Map([...packages, ...fromRegistry].map((one) => [one.uri, one]));
  return [
    ...(sources === undefined
      ? []
      : [{ name: `project ${basename(plan.recipe.project.root)}`, digest: sha256(sources) }]),
    ...all.map(({ file, lock }) => lockResource(file.id, formatLock(lock))),
    ...pythonResources(python),
    ...[...unique.values()].sort((one, other) => ((one.uri ?? '') < (other.uri ?? '') ? -1 : 1)),
  ];
}

/** Python packages: those that are locked, else those that the sources state exactly, and wheels named by their paths. */
function pythonResources(python: PythonInputs | undefined): readonly Resource[] {
  if (python?.packages === undefined) return [];
  const { lock, target } = python.packages;
  const { index, wheels } = target.selection;
  const exact = index.flatMap(({ name, version = '', hashes: [digest, ...others] }) =>
    digest === undefined || others.length > 0 ? [] : [{ name, version, digest }],
  );
  return [...(lock?.target ?? exact), ...wheels]
    .map(({ name, version, digest }) => ({ uri: wheelUrl(name, version), digest: sha256(digest) }))
    .sort((one, other) => (one.uri < other.uri ? -1 : 1));
}

function sha256(digest: Digest | string): { readonly sha256: string } {
  return { sha256: hexOf(digest) };
}

/** The statement beside a file, whichever there is; undefined: none. */
export async function statementBeside(
  file: string,
): Promise<{ readonly file: string; readonly signed: boolean } | undefined> {
  const names = statementFiles(file);
  for (const form of FORMS)
    if (await exists(names[form])) return { file: names[form], signed: form !== 'plain' };
  return undefined;
}
