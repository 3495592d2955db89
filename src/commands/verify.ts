import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { notBundle } from '../bundle/inspect.ts';
import type { Context, OptionValues } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import { oneLine } from '../domain/one-line.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { readKeys } from '../pipeline/keys.ts';
import { statementBeside } from '../pipeline/provenance.ts';
import { notReproduced, type RebuildInput, type Rebuilt, rebuildBundle } from '../pipeline/rebuild.ts';
import type { Key } from '../provenance/envelope.ts';
import { otherDocuments, otherFile, readStated, type Stated } from '../provenance/verify.ts';
import { readEmbedded } from '../sbom/embed.ts';
import { SBOM_FILES, SBOM_FORMATS } from '../sbom/model.ts';
import { digestFile } from '../store/digest.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { nothingInside } from './sbom.ts';
import { NO_FILE, readSubject, type Subject } from './subject.ts';

export const command: Command = {
  name: 'verify',
  summary: 'check a bundle or an executable against its provenance',
  positionals: [
    { name: 'bundle', required: true, completes: 'file' },
    { name: 'recipe', required: false, completes: 'recipe' },
  ],
  options: {
    statement: {
      type: 'string',
      value: '<file>',
      help: 'default: <bundle>.intoto.jsonl, .sigstore.json or .intoto.json',
    },
    key: {
      type: 'string',
      multiple: true,
      value: '<file>',
      help: 'public key to trust ($PROVISION_TRUSTED_KEYS)',
    },
    rebuild: {
      type: 'boolean',
      help: 'build it again in a fresh store, and compare',
    },
  },
  examples: [
    'provision verify artifacts/aarch64/isolate-aarch64-unknown-linux-gnu.tar.gz',
    'provision verify ./isolate --statement isolate.intoto.jsonl --key release.pub',
    'provision verify --rebuild isolate-x86_64-unknown-linux-gnu.tar.gz x86_64',
  ],
  renders: true,
  run,
};

function aFolder(given: string): Failure {
  return {
    code: 'usage/not-a-bundle',
    what: `${given} is a folder, and what a statement states is the digest of a file.`,
    fix: [
      'Give the archive that it was unpacked from.',
      'Or give its program, and the statement with it: `provision verify <folder>/bin/<program> --statement <file>.intoto.jsonl`.',
    ],
  };
}

async function run({ context, values, positionals }: Invocation): Promise<Result<Outcome>> {
  const [given = '', recipe] = positionals;
  const path = resolve(context.settings.cwd, given);
  const info = await stat(path).catch(absentAsUndefined);
  if (info === undefined) return err(notBundle(given, 'There is no such file.'));
  if (info.isDirectory()) return err(aFolder(given));
  if (!info.isFile()) return err(notBundle(given, NO_FILE));
  const keys = await readKeys(keyFiles(context, values));
  if (!keys.ok) return keys;
  const stated = await findStated(context, { path, given, named: values.statement, keys: keys.value });
  if (!stated.ok) return stated;
  const { digest } = await digestFile(path);
  const other = otherFile(stated.value.statement, { name: basename(path), digest, given });
  if (other !== undefined) return err(other);
  const checked = await checkContents(context, path, given, stated.value);
  if (!checked.ok) return checked;
  const outcome = outcomeOf(given, digest, stated.value, checked.value);
  if (values.rebuild !== true) return ok(outcome);
  const { statement } = stated.value;
  const input = { path, given, digest, statement, ...defined({ recipe }) };
  const rebuilt = await rebuildBundle(context, input);
  return rebuilt.ok ? ok(rebuiltOutcome(context, outcome, input, rebuilt.value)) : rebuilt;
}

/** What was checked, and what building it again came to. */
export function rebuiltOutcome(
  context: Context,
  { text, json }: { readonly text: string; readonly json: object },
  input: RebuildInput,
  rebuilt: Rebuilt,
): Outcome {
  return {
    text: rebuilt.equal ? `${text}${input.given}: built again, and every byte is the same.\n` : text,
    json: { ...json, rebuild: rebuilt },
    ...(rebuilt.equal ? {} : { failure: notReproduced(context, input, rebuilt) }),
  };
}

/** Those of the options, else those of the settings. */
function keyFiles({ settings }: Context, { key }: OptionValues): readonly string[] {
  const named = Array.isArray(key) ? key.map((file) => resolve(settings.cwd, String(file))) : [];
  return named.length > 0 ? named : (settings.trustedKeys ?? []);
}

interface Wanted {
  readonly path: string;
  readonly given: string;
  readonly named: unknown;
  readonly keys: readonly Key[];
}

async function findStated(
  { settings }: Context,
  { path, given, named, keys }: Wanted,
): Promise<Result<Stated>> {
  const found =
    typeof named === 'string'
      ? { file: resolve(settings.cwd, named), signed: /\.(?:jsonl|sigstore\.json)$/.test(named) }
      : await statementBeside(path);
  const text = found && (await readFile(found.file, 'utf8').catch(() => undefined));
  if (found === undefined || text === undefined) return err(noStatement(given, found?.file));
  const stated = readStated({ ...found, text }, keys);
  return 'statement' in stated ? ok(stated) : err(stated);
}

function noStatement(given: string, file: string | undefined): Failure {
  return {
    code: 'archive/no-statement',
    what: file === undefined ? `There is no statement beside ${given}.` : `${file} cannot be read.`,
    why: 'Without one nothing says what the file should be.',
    fix: [
      'Get the `.intoto.jsonl`, `.sigstore.json` or `.intoto.json` from where the file is from, and put it beside the file or name it: `--statement <file>`.',
    ],
  };
}

interface Checked {
  readonly components: number;
}

/** What is opened here has a bill of materials; of anything else only the digest is compared. */
async function checkContents(
  { signal }: Context,
  path: string,
  given: string,
  { statement }: Stated,
): Promise<Result<Checked | undefined>> {
  const subject = await readSubject(path, given, signal);
  // The digest is the stated one, so it is provision's, in a form that is not opened here.
  if (!subject.ok) return subject.error.code === 'usage/not-a-bundle' ? ok(undefined) : subject;
  const embedded = readEmbedded(subject.value.program);
  if (embedded.damaged.length > 0 || Object.keys(embedded.documents).length === 0)
    return err(nothingInside(given, subject.value, embedded.damaged));
  const digests = Object.fromEntries(
    SBOM_FORMATS.flatMap((format) => {
      const text = embedded.documents[format];
      return text === undefined ? [] : [[SBOM_FILES[format], sha256(text)] as const];
    }),
  );
  const other =
    otherDocuments(statement, Object.values(SBOM_FILES), digests) ??
    besideDiffers(subject.value, embedded.documents);
  if (other !== undefined) return err(other);
  const { components = [] } = JSON.parse(embedded.documents.cyclonedx ?? '{}') as { components?: unknown[] };
  return ok({ components: components.length });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The documents in a bundle's folder must be those in its program. */
function besideDiffers({ kind, beside }: Subject, inside: Subject['beside']): Failure | undefined {
  const wrong = SBOM_FORMATS.find((format) => kind === 'bundle' && beside[format] !== inside[format]);
  if (wrong === undefined) return undefined;
  return {
    code: 'archive/other-sbom',
    what: `${SBOM_FILES[wrong]} in the bundle is not the one that its program has inside.`,
    fix: ['Get the original bundle again.'],
  };
}

function outcomeOf(
  given: string,
  digest: string,
  { statement, by }: Stated,
  checked: Checked | undefined,
): { readonly text: string; readonly json: object } {
  const { recipe, python, target } = statement.predicate.buildDefinition.externalParameters;
  const signed = by === undefined ? 'not signed' : `signed by ${by}`;
  const inside =
    checked === undefined
      ? ' (its bill of materials is not compared: it is not opened here)'
      : ` and bill of materials (${checked.components} ${checked.components === 1 ? 'component' : 'components'})`;
  return {
    text: `${oneLine(`${given}: digest, statement${inside} agree; ${signed}; built from the recipe ${recipe}${python === undefined ? '' : ` with Python ${python}`} for ${target}.`)}\n`,
    json: {
      ...{ schema: 1, file: given, digest, recipe, ...defined({ python }), target },
      signedBy: by ?? null,
      components: checked?.components ?? null,
      builder: statement.predicate.runDetails.builder,
    },
  };
}
