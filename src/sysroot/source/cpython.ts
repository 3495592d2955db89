import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { defined } from '../../domain/defined.ts';
import type { SourceSysroot } from '../../domain/definitions.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Mount } from '../../engine/engine.ts';
import type { Store, StoreEntry } from '../../store/store.ts';
import {
  archivesOf,
  commonInputs,
  interpreterInputs,
  interpreterOf,
  launcherInputs,
  openSourceSandbox,
  type SourceBuildContext,
  sourceEnvironment,
  sourceInputs,
  TOOLS_FOLDER,
  takeOut,
} from './build-context.ts';
import { cpythonScript, OWN_PATCHES, PROFILE, PROFILE_COUNTS } from './cpython-script.ts';
import { forkServers } from './fork-server.ts';
import { unpackProfile, usedProfile } from './profile.ts';
import { runScript, type ScriptReports } from './script.ts';

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
  buildContext: SourceBuildContext,
  dependencies: { readonly folder: string; readonly fingerprint: string },
): Promise<Result<CPython>> {
  const { source: built, python, without } = buildContext.definition;
  const { cpython } = built;
  const { source, ownPatches, profile: _, ...rest } = cpython;
  const profile = usedProfile(cpython);
  const script = scriptOf(buildContext);
  const inputs = {
    what: 'cpython',
    ...commonInputs(buildContext),
    python: python.version,
    abiflags: python.abiflags,
    // Headers and archives of the libraries.
    dependencies: dependencies.fingerprint,
    sources: sourceInputs(buildContext, source),
    // Arguments, environment, patches, modules, flavour.
    ...rest,
    without,
    ownPatches: ownPatches.map(({ name, text }) => ({ name, text })),
    ...defined({ profile: profile?.digest }),
    script,
    ...launcherInputs(buildContext, script),
    ...interpreterInputs(buildContext),
  };
  return store.obtain<CPythonMeta>(
    'trees',
    inputs,
    (folder) => make(context, store, buildContext, dependencies.folder, folder),
    {
      ...{ signal: context.signal, lazily: true, costly: true, reads: [dependencies.folder] },
      onWait: () => {
        const message = 'Another provision is building this CPython: waiting for it.';
        context.emit({ type: 'notice', level: 'info', code: 'store/waiting', message });
      },
    },
  );
}

function scriptOf(buildContext: SourceBuildContext): string {
  const { definition, locked } = buildContext;
  const { source } = definition.source.cpython;
  return cpythonScript(definition, archivesOf(source, locked(source)), interpreterOf(buildContext));
}

async function make(
  context: Context,
  store: Store,
  buildContext: SourceBuildContext,
  sysroot: string,
  folder: string,
): Promise<Result<CPythonMeta>> {
  const { without, source } = buildContext.definition;
  const { cpython } = source;
  const files = await buildContext.files(cpython.source);
  if (!files.ok) return files;
  const servers = await forkServers(context, store, buildContext);
  if (!servers.ok) return servers;
  const toolsFolder = join(folder, TOOLS_FOLDER);
  const patches = join(folder, '.patches');
  await mkdir(patches);
  for (const { name, text } of cpython.ownPatches) await writeFile(join(patches, name), text);
  const used = usedProfile(cpython);
  const counts = join(folder, '.profile');
  if (used !== undefined) {
    const unpacked = await unpackProfile(used, counts);
    if (!unpacked.ok) return unpacked;
  }
  const mounts: readonly Mount[] = [
    { kind: 'source', source: patches, at: OWN_PATCHES },
    ...(used === undefined ? [] : ([{ kind: 'source', source: counts, at: PROFILE }] as const)),
  ];
  const sandbox = await openSourceSandbox(buildContext, {
    sources: { [cpython.source]: files.value },
    sysroot,
    toolsFolder,
    mounts,
    forkServers: servers.value,
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const reported = await runScript(context, box, {
    stage: 'cpython',
    name: 'cpython',
    script: scriptOf(buildContext),
    env: { ...sourceEnvironment(buildContext, context.settings.jobs), CFLAGS: '', ...cpython.env },
    logs: buildContext.logs,
    counts: PROFILE_COUNTS,
  });
  if (!reported.ok) return reported;
  const modules = reported.value.get('modules')?.join(' ').split(' ').filter(Boolean).sort() ?? [];
  const lacking = cpython.modules.filter((name) => !modules.includes(name));
  if (lacking.length > 0)
    return err(modulesMissing(lacking, reported.value, join(buildContext.logs, 'cpython.log')));
  const taken = await takeOut(box, folder);
  if (!taken.ok) return taken;
  await rm(toolsFolder, { recursive: true });
  await rm(patches, { recursive: true });
  await rm(counts, { force: true });
  return ok({
    version: files.value[0]?.package.version ?? '',
    modules,
    missing: missingModules(without, reported.value),
    profile: [
      ...(used === undefined ? [] : [describeUse(reported.value)]),
      ...['profile', 'lto'].flatMap((key) => reported.value.get(key) ?? []),
    ].join('; '),
  });
}

/** That the locked profile was used, and what it does not know of this target. */
function describeUse(reports: ScriptReports): string {
  const count = (key: keyof typeof PROFILE_COUNTS): number => Number(reports.get(key)?.[0] ?? 0);
  const lacking = [
    [count('files-unprofiled'), 'files'],
    [count('functions-unknown'), 'functions'],
  ] as const;
  const unknown = lacking.flatMap(([number, what]) => (number === 0 ? [] : [`${number} ${what}`]));
  const changed = count('functions-changed');
  return [
    'locked profile',
    ...(unknown.length === 0 ? [] : [`which does not know ${unknown.join(' and ')} of this build`]),
    ...(changed === 0 ? [] : [`${changed} functions are others here`]),
  ].join(', ');
}

/** What configure found no way to build, with the reason that the definition gives. */
function missingModules(
  without: SourceSysroot['without'],
  reports: ScriptReports,
): Readonly<Record<string, string>> {
  const missing = reports.get('missing')?.map((line) => line.split(' ')[0] ?? '') ?? [];
  const names = [...new Set([...missing, ...Object.keys(without)])].sort();
  return Object.fromEntries(
    names.map((name) => [name, without[name] ?? 'configure found nothing to build it with']),
  );
}

function modulesMissing(names: readonly string[], reports: ScriptReports, log: string) {
  return {
    code: 'build/module-missing',
    what: `CPython was built without ${names.join(', ')}, which the sysroot definition asks for.`,
    fix: [
      'Add the library that each needs to `libraries` or `sysroot.packages`; the log has what configure looked for.',
    ],
    evidence:
      reports.get('missing')?.filter((line) => names.some((name) => line.startsWith(`${name} `))) ?? [],
    see: [log],
  } as const;
}
