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
import { runScript, unpackStep } from './script.ts';

export type Library = StoreEntry<{ readonly name: string; readonly version: string }>;

/** Builds at once: each has stretches (configure) that keep one core busy. */
const SIDE_BY_SIDE = 2;

/** The static libraries of a sysroot, each an entry of its own, built side by side; in the order of the definition. */
export async function buildLibraries(
  context: Context,
  store: Store,
  buildContext: SourceBuildContext,
): Promise<Result<readonly Library[]>> {
  const { libraries } = buildContext.definition.source;
  const queue = [...libraries];
  // What a library needs was taken from the queue before it.
  const begun = new Map<string, Promise<Result<Library>>>();
  let failure: Failure | undefined;
  const build = async (library: LibraryDefinition): Promise<Result<Library>> => {
    const needed = await Promise.all(library.needs.flatMap((name) => begun.get(name) ?? []));
    const parts: Library[] = [];
    for (const one of needed) {
      if (!one.ok) return one;
      parts.push(one.value);
    }
    return buildLibrary(context, store, buildContext, library, parts);
  };
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined && failure === undefined; next = queue.shift()) {
      const building = build(next);
      begun.set(next.name, building);
      const result = await building;
      if (!result.ok) failure ??= result.error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, libraries.length) }, worker));
  if (failure !== undefined) return err(failure);
  const built = await Promise.all(libraries.flatMap(({ name }) => begun.get(name) ?? []));
  return ok(built.flatMap((one) => (one.ok ? [one.value] : [])));
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
    (folder) => make(context, buildContext, library, sysroot.value.folder, folder),
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
  buildContext: SourceBuildContext,
  library: LibraryDefinition,
  sysroot: string,
  folder: string,
): Promise<Result<{ name: string; version: string }>> {
  const files = await buildContext.files(library.source);
  if (!files.ok) return files;
  const toolsFolder = join(folder, TOOLS_FOLDER);
  const sandbox = await openSourceSandbox(buildContext, {
    sources: { [library.source]: files.value },
    sysroot,
    toolsFolder,
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
