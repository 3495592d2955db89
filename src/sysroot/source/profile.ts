import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import type { Context } from '../../domain/context.ts';
import type { CPythonBuild, LockedProfile, ProfileMaking, SourceSysroot } from '../../domain/definitions.ts';
import type { LockedPackage } from '../../domain/packages.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import type { Store } from '../../store/store.ts';
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
import { OWN_PATCHES, PROFILE_PHASES, profileScript, TRAINING } from './cpython-script.ts';
import { runScript } from './script.ts';

/** The locked profile that a CPython is compiled with, where it is. */
export function usedProfile({ optimization, profile }: CPythonBuild): LockedProfile | undefined {
  return optimization.includes('pgo') ? profile : undefined;
}

/** Digest (hexadecimal SHA-256) of what a profile is made of: the same sources, patches and training give the same. */
function profileInputs(sources: readonly LockedPackage[], made: ProfileMaking): string {
  const parts = {
    sources: sources.map(({ digest }) => digest),
    patches: made.patches,
    ownPatches: made.ownPatches.map(({ name, text }) => [name, text]),
    training: made.training,
  };
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/**
 * Whether a locked profile was made of other sources, patches or training than what is built. It serves all the same: what
 * has changed since is compiled without it.
 */
export function isOutdated(definition: SourceSysroot, sources: readonly LockedPackage[]): boolean {
  const { cpython } = definition.source;
  const profile = usedProfile(cpython);
  if (profile === undefined) return false;
  const own = sources.filter(({ name }) => name === cpython.source);
  return profileInputs(own, profile.made) !== profile.inputs;
}

/** Writes the counts of a locked profile to a file; a failure where they are not what was locked. */
export async function unpackProfile(profile: LockedProfile, file: string): Promise<Result<void>> {
  const bytes = await readFile(profile.file)
    .then(promisify(brotliDecompress))
    .catch(() => undefined);
  const digest = bytes && `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (bytes === undefined || digest !== profile.digest) return err(damaged(profile, bytes !== undefined));
  await writeFile(file, bytes);
  return ok(undefined);
}

function damaged({ file }: LockedProfile, readable: boolean): Failure {
  return {
    code: 'lock/profile-damaged',
    what: `${file} ${readable ? 'is not the profile that profile.yaml beside it names' : 'cannot be read as a profile'}.`,
    fix: ['Get the file again, or make the profile anew: `provision profile <recipe>`.'],
  };
}

export type TrainedMeta = { readonly functions: number; readonly compiler: string };

/** A profile as it is written beside the definition. */
export interface Trained extends TrainedMeta {
  /** Compressed (brotli). */
  readonly compressed: Buffer;
  /** Hexadecimal SHA-256 of the counts themselves. */
  readonly sha256: string;
  readonly inputs: string;
  /** Whether the training had been run already. */
  readonly hit: boolean;
}

/**
 * Compiles a CPython that counts and runs the training with it, on this machine. What the definition says of optimization
 * and of a profile it has already does not matter.
 */
export async function trainProfile(
  context: Context,
  store: Store,
  buildContext: SourceBuildContext,
  dependencies: { readonly folder: string; readonly fingerprint: string },
  making: ProfileMaking,
): Promise<Result<Trained>> {
  const { definition, locked } = buildContext;
  const { source, configure, env, setup } = definition.source.cpython;
  const script = profileScript(definition, archivesOf(source, locked(source)), interpreterOf(buildContext));
  const inputs = {
    what: 'profile',
    ...commonInputs(buildContext),
    dependencies: dependencies.fingerprint,
    sources: sourceInputs(buildContext, source),
    ...{ configure, env, setup, script },
    making: { ...making, ownPatches: making.ownPatches.map(({ name, text }) => ({ name, text })) },
    ...launcherInputs(buildContext, script),
    ...interpreterInputs(buildContext),
  };
  const made = await store.obtain<TrainedMeta>(
    'trees',
    inputs,
    (folder) => make({ context, buildContext, sysroot: dependencies.folder, making, script }, folder),
    { signal: context.signal },
  );
  if (!made.ok) return made;
  const counts = await readFile(join(made.value.folder, 'usr', 'profile.profdata'));
  const compressed = await promisify(brotliCompress)(counts, {
    params: { [constants.BROTLI_PARAM_SIZE_HINT]: counts.length, [constants.BROTLI_PARAM_LGWIN]: 24 },
  });
  return ok({
    ...made.value.meta,
    compressed,
    sha256: createHash('sha256').update(counts).digest('hex'),
    inputs: profileInputs(locked(source), making),
    hit: made.value.hit,
  });
}

interface Making {
  readonly context: Context;
  readonly buildContext: SourceBuildContext;
  readonly sysroot: string;
  readonly making: ProfileMaking;
  readonly script: string;
}

async function make(
  { context, buildContext, sysroot, making, script }: Making,
  folder: string,
): Promise<Result<TrainedMeta>> {
  const { cpython } = buildContext.definition.source;
  const files = await buildContext.files(cpython.source);
  if (!files.ok) return files;
  const own = join(folder, '.own');
  await mkdir(own);
  await writeFile(join(own, 'training.py'), making.training);
  for (const { name, text } of making.ownPatches) await writeFile(join(own, name), text);
  const sandbox = await openSourceSandbox(buildContext, {
    sources: { [cpython.source]: files.value },
    sysroot,
    toolsFolder: join(folder, TOOLS_FOLDER),
    mounts: [
      { kind: 'source', source: join(own, 'training.py'), at: TRAINING },
      { kind: 'source', source: own, at: OWN_PATCHES },
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const reported = await runScript(context, box, {
    stage: 'cpython',
    name: 'profile',
    script,
    env: { ...sourceEnvironment(buildContext, context.settings.jobs), CFLAGS: '', ...cpython.env },
    logs: buildContext.logs,
    phases: PROFILE_PHASES,
  });
  if (!reported.ok) return reported;
  const taken = await takeOut(box, folder);
  if (!taken.ok) return taken;
  await rm(own, { recursive: true });
  await rm(join(folder, TOOLS_FOLDER), { recursive: true });
  const [summary = ''] = reported.value.get('profile') ?? [];
  return ok({
    functions: Number.parseInt(summary, 10),
    compiler: reported.value.get('compiler')?.[0] ?? '',
  });
}
