import { link, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pickFiles } from '../archive/pick.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Resolved } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { EngineInfo } from '../engine/engine.ts';
import { readTool } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { lockChecksum } from '../lock/lockfile.ts';
import { hexOf, type Statement } from '../provenance/statement.ts';
import { resolveRecipe } from '../recipe/recipe.ts';
import {
  bundleDifferences,
  type Difference,
  differenceText,
  type Files,
} from '../sbom/bundle-differences.ts';
import { blobFile } from '../store/entries.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { hostMachine } from './host.ts';
import { type Planned, planFrom, startRun } from './prepare.ts';
import { makeProgram } from './runtimes.ts';
import { withSession } from './session.ts';
import { withLocks, writeStatedLocks } from './stated-locks.ts';
import { allLocks } from './trees.ts';

export interface RebuildInput {
  /** The bundle's archive, as the user named it, and its digest. */
  readonly path: string;
  readonly given: string;
  readonly digest: string;
  readonly statement: Statement;
  /** Instead of the stated one. */
  readonly recipe?: string;
}

/** What building a bundle again came to. */
export interface Rebuilt {
  readonly equal: boolean;
  /** Of the bundle that was made now. */
  readonly digest: string;
  /** Empty, though it is not equal: the same files, packed in another way. */
  readonly differences: readonly Difference[];
  readonly engine: EngineInfo;
  readonly ms: number;
}

/**
 * Builds a bundle again by its statement, with the locks that are in it, in a store of its own, and compares. Of the store that there is only package files are used, every byte of which is compared with the locks;
 * of a shared one nothing.
 */
export async function rebuildBundle(context: Context, input: RebuildInput): Promise<Result<Rebuilt>> {
  const start = performance.now();
  const { cache: _, pushCache: __, ...settings } = context.settings;
  return withTemporaryFolder(settings.store, 'rebuild', async (folder) => {
    const logs = join(folder, 'logs');
    await mkdir(logs);
    const planned = await planAgain({ ...context, settings }, input, join(folder, 'locks'));
    if (!planned.ok) return planned;
    const others = otherLocks(input.statement, planned.value);
    if (others.length > 0) return err(lockedOtherwise(context, input, others));
    const fresh = { ...context, settings: { ...settings, store: join(folder, 'store') } };
    await lendBlobs(settings.store, fresh.settings.store, planned.value);
    return withSession(fresh, [planned.value], async (session): Promise<Result<Rebuilt>> => {
      const run = await startRun(session, planned.value, { logs });
      if (!run.ok) return run;
      const made = await makeProgram(session, run.value, [], logs);
      if (!made.ok) return made;
      const engine = await session.engine();
      if (!engine.ok) return engine;
      const { meta, folder: at } = made.value.bundle;
      const ms = Math.round(performance.now() - start);
      const common = { digest: meta.digest, engine: engine.value.info, ms };
      if (meta.digest === input.digest) return ok({ equal: true, differences: [], ...common });
      const files = await Promise.all(
        [input.path, join(at, meta.archive)].map((file) => filesOf(file, context.signal)),
      );
      const [given, rebuilt] = files as [(typeof files)[number], (typeof files)[number]];
      if (!given.ok) return given;
      if (!rebuilt.ok) return rebuilt;
      const differences = bundleDifferences(given.value, rebuilt.value);
      return ok({ equal: false, differences, ...common });
    });
  });
}

/** The plan of the stated recipe, Python and program, with the stated locks. Bundles alone: what else is shipped is made of them. */
async function planAgain(context: Context, input: RebuildInput, folder: string): Promise<Result<Planned>> {
  const { externalParameters: stated } = input.statement.predicate.buildDefinition;
  const host = hostMachine();
  const { python = stated.python, bin = stated.project.bin } = context.settings;
  const asked = { ...context.settings, machine: host.machine, ...defined({ python }) };
  const resolved = await resolveRecipe(
    typeof bin === 'string' ? { ...asked, bin } : asked,
    input.recipe ?? stated.recipe,
  );
  if (!resolved.ok) return resolved;
  const { recipe } = resolved.value;
  const plain: Resolved = {
    ...resolved.value,
    recipe: { ...withoutCache(recipe), samples: { ...recipe.samples, paths: [] } },
  };
  const locks = await writeStatedLocks(input.statement, folder);
  const planned = await planFrom(context, withLocks(plain, locks), host);
  const misfit = !planned.ok && /^lock\/(?:stale|malformed)$/.test(planned.error.code);
  return misfit ? err(definedOtherwise(context, input, planned.error)) : planned;
}

function withoutCache({ cache: _, ...recipe }: Resolved['recipe']): Resolved['recipe'] {
  return recipe;
}

/** Package files that are there already, by further names. Where a file system has no such names they are fetched again. */
async function lendBlobs(from: string, to: string, { locks }: Planned): Promise<void> {
  const digests = new Set(allLocks(locks).flatMap(({ needed }) => needed.map(({ digest }) => digest)));
  for (const digest of digests) {
    const [blob, lent] = [blobFile(from, digest), blobFile(to, digest)];
    await mkdir(dirname(lent), { recursive: true });
    await link(blob, lent).catch(() => undefined);
  }
}

/** Locks that are stated otherwise, or not at all. */
function otherLocks({ predicate }: Statement, { locks }: Planned): readonly string[] {
  const stated = new Map(
    predicate.buildDefinition.resolvedDependencies.map(({ name, digest }) => [name, digest?.sha256]),
  );
  return allLocks(locks)
    .filter(({ file, lock }) => stated.get(`lock ${file.id}`) !== hexOf(lockChecksum(lock)))
    .map(({ file }) => file.id);
}

const LARGEST = 2 ** 31;

async function filesOf(file: string, signal: AbortSignal): Promise<Result<Files>> {
  const range = { file, start: 0, size: (await stat(file)).size };
  const picked = await pickFiles(file, { range, compression: 'gz' }, () => true, signal, LARGEST);
  return picked.ok ? ok(picked.value.files) : picked;
}

function lockedOtherwise(context: Context, input: RebuildInput, others: readonly string[]): Failure {
  return {
    code: 'archive/other-locks',
    what: `${input.given} was built from other locks than are here: ${others.join(', ')}.`,
    why: `Neither are they in the statement, and it can only be the same where everything that goes in is the same.${otherVersion(context, input)}`,
    fix: [CHECK_OUT, OWN_RECIPE],
  };
}

/** The stated locks do not fit what is defined here. */
function definedOtherwise(context: Context, input: RebuildInput, failure: Failure): Failure {
  return {
    code: 'archive/other-locks',
    what: `${input.given} was built by other definitions than are here: its locks do not fit them.`,
    why: `${failure.what}${otherVersion(context, input)}`,
    fix: [CHECK_OUT, OWN_RECIPE],
  };
}

const CHECK_OUT = 'Check out the version of the project and of provision that it was built with.';
const OWN_RECIPE =
  'If it was built from a recipe of yours, name that: `provision verify --rebuild <bundle> <recipe>`.';

/** A sentence about the versions of this program, where there are two. */
function otherVersion({ settings }: Context, { statement }: RebuildInput): string {
  const { provision: its } = statement.predicate.runDetails.builder.version;
  const { version } = readTool(settings.home);
  return its === version ? '' : ` It was built by provision ${its}; this is ${version}.`;
}

/** Lines of differences that are shown. */
const SHOWN = 40;

/** The failure for a bundle that is another one when it is built again. */
export function notReproduced(context: Context, input: RebuildInput, { differences }: Rebuilt): Failure {
  const why =
    differences.length === 0
      ? 'The files in it are the same; how they are packed is not.'
      : `${differences.length} ${differences.length === 1 ? 'part differs' : 'parts differ'}.`;
  return {
    code: 'archive/not-reproduced',
    what: `Built again, ${input.given} is another file.`,
    why: `${why}${otherVersion(context, input)}`,
    fix: [
      'Check out the sources that it was built from: the statement has their digest.',
      'Where they are the same, look for what reads clock, user, folder or number of processors in build scripts.',
    ],
    evidence: differences.slice(0, SHOWN).map(differenceText),
  };
}
