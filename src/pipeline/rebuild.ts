import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pickFiles } from '../archive/pick.ts';
import type { Context } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { lockChecksum } from '../lock/lockfile.ts';
import { hexOf, type Statement } from '../provenance/statement.ts';
import { bundleDifferences, type Files } from '../sbom/bundle-differences.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { hostMachine } from './host.ts';
import { type Planned, planRun, startRun } from './prepare.ts';
import { makeProgram } from './runtimes.ts';
import { withSession } from './session.ts';
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

/** Builds a bundle again by its statement, in a store of its own, and compares: fails with `archive/not-reproduced`. */
export async function rebuildBundle(context: Context, input: RebuildInput): Promise<Result<void>> {
  const { settings } = context;
  const { recipe = input.statement.predicate.buildDefinition.externalParameters.recipe } = input;
  // Bundles alone: what else is shipped is made of them.
  const planned = await planRun(context, recipe, hostMachine(), []);
  if (!planned.ok) return planned;
  const others = otherLocks(input.statement, planned.value);
  if (others.length > 0) return err(lockedOtherwise(input.given, others));
  return withTemporaryFolder(settings.store, 'rebuild', async (folder) => {
    const logs = join(folder, 'logs');
    await mkdir(logs);
    const fresh = { ...context, settings: { ...settings, store: join(folder, 'store') } };
    return withSession(fresh, [planned.value], async (session) => {
      const run = await startRun(session, planned.value, { logs });
      if (!run.ok) return run;
      const made = await makeProgram(session, run.value, [], logs);
      if (!made.ok) return made;
      const { meta, folder: at } = made.value.bundle;
      if (meta.digest === input.digest) return ok(undefined);
      const files = await Promise.all(
        [input.path, join(at, meta.archive)].map((file) => filesOf(file, context.signal)),
      );
      const [given, rebuilt] = files;
      if (given?.ok !== true) return given ?? ok(undefined);
      if (rebuilt?.ok !== true) return rebuilt ?? ok(undefined);
      return err(notReproduced(input, bundleDifferences(given.value, rebuilt.value)));
    });
  });
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

function lockedOtherwise(given: string, others: readonly string[]): Failure {
  return {
    code: 'archive/other-locks',
    what: `${given} was built from other locks than are here: ${others.join(', ')}.`,
    why: 'It can only be the same where everything that goes in is the same.',
    fix: ['Check out the version of the project and of provision that it was built with.'],
  };
}

/** Lines of differences that are shown. */
const SHOWN = 40;

function notReproduced({ given }: RebuildInput, differences: readonly string[]): Failure {
  return {
    code: 'archive/not-reproduced',
    what: `Built again, ${given} is another file.`,
    why:
      differences.length === 0
        ? 'The files in it are the same; how they are packed is not.'
        : `${differences.length} ${differences.length === 1 ? 'part differs' : 'parts differ'}.`,
    fix: [
      'Check out the sources that it was built from: the statement has their digest.',
      'Where they are the same, look for what reads clock, user, folder or number of processors in build scripts.',
    ],
    evidence: differences.slice(0, SHOWN),
  };
}
