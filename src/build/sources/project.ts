import { lstatSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { basename, dirname, extname, join, relative } from 'node:path';
import type { Context } from '../../domain/context.ts';
import type { Project, Resolved } from '../../domain/definitions.ts';
import { errorCode, unlessDeviceFailed } from '../../domain/errno.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { isWithin } from '../../engine/paths.ts';
import { projectRoot } from '../../engine/project-paths.ts';
import type { Failure } from '../../failure.ts';
import { diskFailure } from '../../store/disk.ts';
import type { SourcePart, Sources } from './entries.ts';
import { digestListing, fillView } from './view.ts';
import { type Listing, listSources } from './walk.ts';

/** Times that files may vanish between being listed and being read. */
const MOST_TRIES = 3;

/** Digest of what a build would see now; `logs` is the folder that its logs go to. */
export async function digestProject(
  context: Context,
  resolved: Resolved,
  logs?: string,
): Promise<Result<Sources>> {
  const sources = await reading(resolved.recipe.project.root, async () =>
    digestListing(await listProject(context, resolved, logs)),
  );
  if (sources.ok && sources.value.outward.length > 0) context.emit(linksOutside(sources.value.outward));
  return sources;
}

/** Files of the project that were written last, the newest first: at most three, none where that cannot be found out. */
export async function writtenLast(
  context: Context,
  resolved: Resolved,
  logs?: string,
): Promise<readonly string[]> {
  try {
    const { entries } = await listProject(context, resolved, logs);
    const files = entries.flatMap((entry) => {
      const stats = entry.kind === 'file' ? lstatSync(entry.source, { throwIfNoEntry: false }) : undefined;
      return stats === undefined ? [] : [{ path: entry.path, time: stats.mtimeMs }];
    });
    const now = Date.now();
    const recent = files.filter(({ time }) => now - time < RECENT_MS).sort((a, b) => b.time - a.time);
    return recent.slice(0, 3).map(({ path }) => path);
  } catch (cause) {
    return unlessDeviceFailed([])(cause);
  }
}

/** Milliseconds in which what changes while it is copied has been written. */
const RECENT_MS = 60_000;

export interface CopyTarget {
  readonly folder: string;
  /** See `fillView`. */
  readonly manifest: string;
  /** See `fillView`. */
  readonly environment?: string;
  /** Folder that the build's logs go to. */
  readonly logs?: string;
}

/** Copies what a build sees to a folder; the digest is that of the copy. */
export function copyProject(context: Context, resolved: Resolved, to: CopyTarget): Promise<Result<Sources>> {
  const fill = async (): Promise<Sources> =>
    fillView(await listProject(context, resolved, to.logs), to.folder, to.manifest, to.environment);
  return reading(resolved.recipe.project.root, fill, dirname(to.manifest));
}

async function listProject(context: Context, { recipe }: Resolved, logs?: string): Promise<Listing> {
  const { project, samples, tests } = recipe;
  const artifacts = 'artifacts of provision go there';
  const except = new Map([
    // A run, and other commands without `--artifacts`.
    [join(context.settings.cwd, 'artifacts', recipe.name), artifacts],
    ...(logs === undefined
      ? []
      : ([logs, dirname(logs)].map((path) => [path, artifacts]) as [string, string][])),
    [recipe.file, 'it is the recipe'],
    ...(await locksBeside(recipe.file)).map((file) => [file, 'it is a lock of the recipe'] as const),
    // Tests of the crate may read them, and what its tests see is what it is built from.
    ...(tests?.cargo === undefined
      ? samples.paths.map((path) => [path, 'it belongs to the samples of the recipe'] as const)
      : []),
  ]);
  for (const [path, why] of [...except])
    except.set(await realpath(path).catch(unlessDeviceFailed(path)), why);
  return listSources(partsOf(project), except);
}

/** The locks of a recipe, also those for other targets and machines than the one at hand: `<recipe>.<of what>.lock`. */
async function locksBeside(recipe: string): Promise<readonly string[]> {
  const folder = dirname(recipe);
  const prefix = `${basename(recipe, extname(recipe))}.`;
  const names = await readdir(folder).catch(unlessDeviceFailed([]));
  return names
    .filter((name) => name.startsWith(prefix) && name.endsWith('.lock') && name.length > prefix.length + 4)
    .map((name) => join(folder, name));
}

/** The workspace, and the path dependencies that a link or a path outside of it leads to. */
function partsOf(project: Project): readonly SourcePart[] {
  const root = projectRoot(project);
  const { outside = [] } = project;
  return [
    { at: relative(root, project.root), source: project.root },
    ...outside.map(({ folder, real, manifestOnly }) =>
      manifestOnly === true
        ? { at: join(relative(root, folder), 'Cargo.toml'), source: join(real, 'Cargo.toml') }
        : { at: relative(root, folder), source: real },
    ),
  ];
}

/** `copies` is the folder that is written to, where there is one: errors there are not about the project. */
async function reading(
  folder: string,
  work: () => Promise<Sources>,
  copies?: string,
): Promise<Result<Sources>> {
  for (let tries = 1; ; tries += 1) {
    try {
      return ok(await work());
    } catch (cause) {
      const code = errorCode(cause);
      if (code === undefined) throw cause;
      if ((code === 'ENOENT' || code === 'ENOTDIR') && tries < MOST_TRIES) continue;
      return err(failureOf(cause as NodeJS.ErrnoException, folder, copies));
    }
  }
}

function failureOf(cause: NodeJS.ErrnoException, folder: string, copies: string | undefined): Failure {
  const { path = '', code = '' } = cause;
  const copying = copies !== undefined && (isWithin(path, copies) || ['ENOSPC', 'EDQUOT'].includes(code));
  const disk = copying ? diskFailure(cause, copies) : undefined;
  if (disk !== undefined) return disk;
  return {
    code: 'build/sources-unreadable',
    what: `The project folder ${folder} could not be read.`,
    why: cause.message,
    fix: [
      'Check `project.path` in the recipe and the permissions of what is named: a build sees every file of the project, so each must be readable for you.',
    ],
  };
}

function linksOutside(links: readonly string[]) {
  const names =
    links.length > 3 ? `${links.slice(0, 3).join(', ')} and ${links.length - 3} more` : links.join(', ');
  return {
    type: 'notice',
    level: 'warning',
    code: 'build/link-outside',
    message: `Symbolic links point outside the project, and their targets are not visible to the build: ${names}.`,
  } as const;
}
