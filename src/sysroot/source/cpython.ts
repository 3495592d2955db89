import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import type { SourceSysroot } from '../../domain/definitions.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Mount } from '../../engine/engine.ts';
import type { Store, StoreEntry } from '../../store/store.ts';
import { cpythonScript, OWN_PATCHES, PROFILE_PHASES, TRAINING } from './cpython-script.ts';
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
import { runScript, type Said } from './script.ts';

export type CPythonMeta = {
  readonly version: string;
  /** Extension modules inside it. */
  readonly modules: readonly string[];
  /** Extension modules that could not be had → why. */
  readonly missing: Readonly<Record<string, string>>;
  /** What shows that profiles were used and objects linked into one; empty where nothing of it was asked for. */
  readonly profile: string;
};

export type CPython = StoreEntry<CPythonMeta>;

/** The static CPython of a sysroot, built on `dependencies` (C library and libraries), or found built from the same inputs. */
export function buildCPython(
  context: Context,
  store: Store,
  place: SourcePlace,
  dependencies: { readonly folder: string; readonly fingerprint: string },
): Promise<Result<CPython>> {
  const { source: built, python, without } = place.definition;
  const { cpython } = built;
  const { training, source, ownPatches, ...rest } = cpython;
  const inputs = {
    what: 'cpython',
    ...commonInputs(place),
    python: python.version,
    abiflags: python.abiflags,
    // Headers and archives of the libraries.
    dependencies: dependencies.fingerprint,
    sources: sourceInputs(place, source),
    // Arguments, environment, patches, modules, flavour.
    ...rest,
    without,
    ownPatches: ownPatches.map(({ name, text }) => ({ name, text })),
    // Profiles depend on what is run; other flavours do not look at it.
    training: cpython.optimization.includes('pgo') ? training : null,
    script: scriptOf(place),
  };
  return store.obtain<CPythonMeta>(
    'trees',
    inputs,
    (folder) => make(context, place, dependencies.folder, folder),
    {
      signal: context.signal,
      onWait: () => {
        const message = 'Another provision is building this CPython: waiting for it.';
        context.emit({ type: 'notice', level: 'info', code: 'store/waiting', message });
      },
    },
  );
}

function scriptOf({ definition, locked }: SourcePlace): string {
  const { source } = definition.source.cpython;
  return cpythonScript(definition, archivesOf(source, locked(source)));
}

async function make(
  context: Context,
  place: SourcePlace,
  sysroot: string,
  folder: string,
): Promise<Result<CPythonMeta>> {
  const { without, source } = place.definition;
  const { cpython } = source;
  const files = await place.files(cpython.source);
  if (!files.ok) return files;
  const toolsFolder = join(folder, TOOLS_FOLDER);
  const training = join(folder, '.training.py');
  await writeFile(training, cpython.training);
  const patches = join(folder, '.patches');
  await mkdir(patches);
  for (const { name, text } of cpython.ownPatches) await writeFile(join(patches, name), text);
  const mounts: readonly Mount[] = [
    { kind: 'source', source: training, at: TRAINING },
    { kind: 'source', source: patches, at: OWN_PATCHES },
  ];
  const sandbox = await openSourceSandbox(place, {
    sources: { [cpython.source]: files.value },
    sysroot,
    toolsFolder,
    mounts,
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const said = await runScript(context, box, {
    stage: 'cpython',
    name: 'cpython',
    script: scriptOf(place),
    env: { ...sourceEnvironment(place, context.settings.jobs), CFLAGS: '', ...cpython.env },
    logs: place.logs,
    phases: PROFILE_PHASES,
  });
  if (!said.ok) return said;
  const modules = said.value.get('modules')?.join(' ').split(' ').filter(Boolean).sort() ?? [];
  const lacking = cpython.modules.filter((name) => !modules.includes(name));
  if (lacking.length > 0) return err(modulesMissing(lacking, said.value, join(place.logs, 'cpython.log')));
  const taken = await takeOut(box, folder);
  if (!taken.ok) return taken;
  await rm(toolsFolder, { recursive: true });
  await rm(training);
  await rm(patches, { recursive: true });
  return ok({
    version: files.value[0]?.package.version ?? '',
    modules,
    missing: missingModules(without, said.value),
    profile: ['profile', 'lto'].flatMap((key) => said.value.get(key) ?? []).join('; '),
  });
}

/** What configure found no way to build, with the reason that the definition gives. */
function missingModules(without: SourceSysroot['without'], said: Said): Readonly<Record<string, string>> {
  const missing = said.get('missing')?.map((line) => line.split(' ')[0] ?? '') ?? [];
  const names = [...new Set([...missing, ...Object.keys(without)])].sort();
  return Object.fromEntries(
    names.map((name) => [name, without[name] ?? 'configure found nothing to build it with']),
  );
}

function modulesMissing(names: readonly string[], said: Said, log: string) {
  return {
    code: 'build/module-missing',
    what: `CPython was built without ${names.join(', ')}, which the sysroot definition asks for.`,
    fix: [
      'Add the library that each needs to `libraries` or `sysroot.packages`; the log has what configure looked for.',
    ],
    evidence: said.get('missing')?.filter((line) => names.some((name) => line.startsWith(`${name} `))) ?? [],
    see: [log],
  } as const;
}
