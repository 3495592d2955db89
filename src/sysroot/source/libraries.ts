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
  openSourceSandbox,
  type SourcePlace,
  sourceEnvironment,
  sourceInputs,
  TOOLS_FOLDER,
  takeOut,
} from './place.ts';
import { runScript, unpacking } from './script.ts';

export type Library = StoreEntry<{ readonly name: string; readonly version: string }>;

/** Builds at once: each has stretches (configure) that keep one core busy. */
const SIDE_BY_SIDE = 2;

/** The static libraries of a sysroot, each an entry of its own, built side by side; in the order of the definition. */
export async function buildLibraries(
  context: Context,
  store: Store,
  place: SourcePlace,
): Promise<Result<readonly Library[]>> {
  const { libraries } = place.definition.source;
  const built: Library[] = [];
  const queue = libraries.map((library, index) => ({ library, index }));
  let failure: Failure | undefined;
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined && failure === undefined; next = queue.shift()) {
      const result = await buildLibrary(context, store, place, next.library);
      if (result.ok) built[next.index] = result.value;
      else failure ??= result.error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, libraries.length) }, worker));
  return failure === undefined ? ok(built) : err(failure);
}

function buildLibrary(
  context: Context,
  store: Store,
  place: SourcePlace,
  library: LibraryDefinition,
): Promise<Result<Library>> {
  const inputs = {
    what: 'library',
    ...commonInputs(place),
    name: library.name,
    sources: sourceInputs(place, library.source),
    script: scriptOf(place, library),
  };
  return store.obtain('trees', inputs, (folder) => make(context, place, library, folder), {
    signal: context.signal,
    onWait: () => {
      const message = `Another provision is building ${library.name}: waiting for it.`;
      context.emit({ type: 'notice', level: 'info', code: 'store/waiting', message });
    },
  });
}

function scriptOf({ locked }: SourcePlace, { source, patches, build }: LibraryDefinition): string {
  return `${unpacking(archivesOf(source, locked(source)), patches)}phase build\n${build}`;
}

async function make(
  context: Context,
  place: SourcePlace,
  library: LibraryDefinition,
  folder: string,
): Promise<Result<{ name: string; version: string }>> {
  const files = await place.files(library.source);
  if (!files.ok) return files;
  const toolsFolder = join(folder, TOOLS_FOLDER);
  const sandbox = await openSourceSandbox(place, {
    sources: { [library.source]: files.value },
    sysroot: place.base.folder,
    toolsFolder,
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const said = await runScript(context, box, {
    stage: 'libraries',
    name: library.name,
    script: scriptOf(place, library),
    env: sourceEnvironment(place, context.settings.jobs),
    logs: place.logs,
  });
  if (!said.ok) return said;
  const taken = await takeOut(box, folder);
  if (!taken.ok) return taken;
  await rm(toolsFolder, { recursive: true });
  return ok({ name: library.name, version: files.value[0]?.package.version ?? '' });
}
