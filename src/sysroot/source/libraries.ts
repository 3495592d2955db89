import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import type { LibraryDefinition } from '../../domain/definitions.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import type { Store, StoreEntry } from '../../store/store.ts';
import {
  archivesOf,
  commonInputs,
  launcherInputs,
  openSourceSandbox,
  type SourceBuildContext,
  sourceEnvironment,
  sourceInputs,
  TOOLS_FOLDER,
  takeOut,
} from './build-context.ts';
import { compose } from './compose.ts';
import { forkServers } from './fork-server.ts';
import { runScript, unpackStep } from './script.ts';

export type Library = StoreEntry<{ readonly name: string; readonly version: string }>;

/** Builds at once: each has long stretches (configure, a single large file) that keep one core busy. */
const SIDE_BY_SIDE = 3;

/** The static libraries of a sysroot, each an entry of its own, built side by side; in the order of the definition. */
export async function buildLibraries(
  context: Context,
  store: Store,
  buildContext: SourceBuildContext,
): Promise<Result<readonly Library[]>> {
  const { libraries } = buildContext.definition.source;
  // What others wait for, then the largest: so that none is left at the end that keeps one core busy.
  const isNeeded = ({ name }: LibraryDefinition): number =>
    Number(libraries.some(({ needs }) => needs.includes(name)));
  const sizeOf = ({ source }: LibraryDefinition): number =>
    buildContext.locked(source).reduce((sum, { size }) => sum + size, 0);
  const inOrder = libraries.toSorted((a, b) => isNeeded(b) - isNeeded(a) || sizeOf(b) - sizeOf(a));
  const built = await inOrderOfNeeds(inOrder, SIDE_BY_SIDE, (library, needed: readonly Library[]) =>
    buildLibrary(context, store, buildContext, library, needed),
  );
  if (!built.ok) return built;
  const named = new Map(built.value.map((library) => [library.meta.name, library]));
  return ok(libraries.flatMap(({ name }) => named.get(name) ?? []));
}

/**
 * Makes things of which some need others, `most` at once: whatever has all that it needs, the first ones first. What is not among
 * them is there already. The first failure is returned, and nothing is begun after it.
 */
export async function inOrderOfNeeds<
  T extends { readonly name: string; readonly needs: readonly string[] },
  R,
>(
  things: readonly T[],
  most: number,
  make: (thing: T, needed: readonly R[]) => Promise<Result<R>>,
): Promise<Result<readonly R[]>> {
  const names = new Set(things.map(({ name }) => name));
  const waiting = [...things];
  const running = new Map<string, Promise<void>>();
  const done = new Map<string, R>();
  let failure: Failure | undefined;
  const isReady = ({ needs }: T): boolean => needs.every((name) => done.has(name) || !names.has(name));
  const begin = async (thing: T): Promise<void> => {
    const made = await make(
      thing,
      thing.needs.flatMap((name) => done.get(name) ?? []),
    );
    if (made.ok) done.set(thing.name, made.value);
    else failure ??= made.error;
    running.delete(thing.name);
  };
  for (;;) {
    const next = failure === undefined && running.size < most ? waiting.find(isReady) : undefined;
    if (next !== undefined) {
      waiting.splice(waiting.indexOf(next), 1);
      running.set(next.name, begin(next));
    } else if (running.size > 0) await Promise.race(running.values());
    else break;
  }
  return failure === undefined ? ok(things.map(({ name }) => done.get(name) as R)) : err(failure);
}

async function buildLibrary(
  context: Context,
  store: Store,
  buildContext: SourceBuildContext,
  library: LibraryDefinition,
  needed: readonly Library[],
): Promise<Result<Library>> {
  const { base } = buildContext;
  const sysroot =
    needed.length === 0
      ? ok(base)
      : await compose(context, store, [base, ...needed], { packages: 0, files: 0, bytes: 0 });
  if (!sysroot.ok) return sysroot;
  const script = scriptOf(buildContext, library);
  const inputs = {
    what: 'library',
    ...commonInputs(buildContext),
    ...(needed.length === 0 ? {} : { sysroot: sysroot.value.fingerprint }),
    name: library.name,
    sources: sourceInputs(buildContext, library.source),
    script,
    ...launcherInputs(buildContext, script),
  };
  const reads = needed.length === 0 ? [] : [sysroot.value.folder];
  return store.obtain(
    'trees',
    inputs,
    (folder) => make(context, store, buildContext, library, sysroot.value.folder, folder),
    {
      ...{ signal: context.signal, lazily: true, costly: true, reads },
      onWait: () => {
        const message = `Another provision is building ${library.name}: waiting for it.`;
        context.emit({ type: 'notice', level: 'info', code: 'store/waiting', message });
      },
    },
  );
}

function scriptOf({ locked }: SourceBuildContext, { source, patches, build }: LibraryDefinition): string {
  return `${unpackStep(archivesOf(source, locked(source)), patches)}phase build\n${build}`;
}

async function make(
  context: Context,
  store: Store,
  buildContext: SourceBuildContext,
  library: LibraryDefinition,
  sysroot: string,
  folder: string,
): Promise<Result<{ name: string; version: string }>> {
  const files = await buildContext.files(library.source);
  if (!files.ok) return files;
  const servers = await forkServers(context, store, buildContext);
  if (!servers.ok) return servers;
  const toolsFolder = join(folder, TOOLS_FOLDER);
  const sandbox = await openSourceSandbox(buildContext, {
    sources: { [library.source]: files.value },
    sysroot,
    toolsFolder,
    forkServers: servers.value,
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const reported = await runScript(context, box, {
    stage: 'libraries',
    name: library.name,
    script: scriptOf(buildContext, library),
    env: sourceEnvironment(buildContext, context.settings.jobs),
    logs: buildContext.logs,
  });
  if (!reported.ok) return reported;
  const taken = await takeOut(box, folder);
  if (!taken.ok) return taken;
  await rm(toolsFolder, { recursive: true });
  return ok({ name: library.name, version: files.value[0]?.package.version ?? '' });
}
