import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Resolved } from '../domain/definitions.ts';
import { ok, type Result } from '../domain/result.ts';
import { shellCommand } from '../domain/shell.ts';
import type { BuildEnv } from '../env/env.ts';
import { onDisk } from '../store/disk.ts';
import { fingerprint } from '../store/fingerprint.ts';
import type { Store } from '../store/store.ts';
import { ASKS_RUSTC, RUSTC_OF_FETCH } from './fetch-programs.ts';
import type { HostCargo } from './host-cargo.ts';
import type { Sources } from './sources/entries.ts';
import { copyProject } from './sources/project.ts';

/** What a build sees beside its trees: folders of this machine that change only when a build of them is prepared. */
export interface BuildView {
  readonly project: string;
  /** Files of `writeEnvFiles`. */
  readonly env: string;
  /** What `project` holds. */
  readonly sources: Sources;
  /** File with the key of the crates that the last build compared with their lock; it need not be there. */
  readonly crates: string;
  /** File with the list of crates of the last build; it need not be there. */
  readonly listed: string;
}

export interface ViewInput {
  readonly resolved: Resolved;
  readonly env: BuildEnv;
  readonly cargo: HostCargo;
  /** Folder that the build's logs go to. */
  readonly logs?: string;
}

/**
 * Brings the view of a target folder up to date. Whoever calls this holds the lock of the target folder: it is also the
 * view's.
 */
export async function openView(
  context: Context,
  store: Store,
  targetVolume: string,
  input: ViewInput,
): Promise<Result<BuildView>> {
  const volume = await store.volume(`view-of-${targetVolume}`);
  return volume.ok ? fillBuildView(context, volume.value, input) : volume;
}

/** The same in a folder of one's own. */
export async function fillBuildView(
  context: Context,
  folder: string,
  { resolved, env, cargo, logs }: ViewInput,
): Promise<Result<BuildView>> {
  const view = { project: join(folder, 'project'), env: join(folder, 'env') };
  const manifest = join(folder, 'manifest.json');
  const written = await onDisk(folder, async () => {
    await mkdir(view.env, { recursive: true });
    // Linked by a name that stays the same: cargo does not see that it changed, so all is to look changed.
    if (await outdated(view.env, env)) await rm(manifest, { force: true });
    await writeEnvFiles(view.env, env, cargo);
  });
  if (!written.ok) return written;
  const sources = await copyProject(context, resolved, {
    ...{ folder: view.project, manifest, environment: fingerprint({ variables: env.variables }) },
    ...defined({ logs }),
  });
  if (!sources.ok) return sources;
  return ok({
    ...view,
    ...{ sources: sources.value, crates: join(folder, 'crates'), listed: join(folder, 'listed.json') },
  });
}

async function outdated(folder: string, env: BuildEnv): Promise<boolean> {
  for (const [name, text] of Object.entries(linkedFiles(env)))
    if ((await textOf(join(folder, name))) !== text) return true;
  return false;
}

/** What is linked, and what decides about the objects of it. */
function linkedFiles({ linked, compiled }: BuildEnv): Readonly<Record<string, string>> {
  return compiled === undefined
    ? linked
    : { ...linked, 'compiler.txt': `${shellCommand(compiled.compiler)}\n` };
}

/**
 * Writes the files that the environment variables refer to into an existing folder. One that is there with the same
 * content is left alone: cargo builds again what a file with a newer time was read for.
 */
export async function writeEnvFiles(folder: string, env: BuildEnv, cargo: HostCargo): Promise<void> {
  await writeCargoFiles(folder, cargo);
  await writeFiles(folder, {
    'pyo3-config.txt': env.pyo3Config,
    'toolchain.cmake': env.cmakeToolchain,
    ...linkedFiles(env),
  });
}

/** Of them those that cargo alone reads. */
export function writeCargoFiles(folder: string, { config }: Pick<HostCargo, 'config'>): Promise<void> {
  return writeFiles(folder, { 'cargo-config.toml': config, [RUSTC_OF_FETCH]: ASKS_RUSTC });
}

async function writeFiles(
  folder: string,
  files: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, name);
    if ((await textOf(file)) === text) continue;
    const mode = name === RUSTC_OF_FETCH ? 0o755 : 0o644;
    await (text === undefined ? rm(file, { force: true }) : writeFile(file, text, { mode }));
  }
}

async function textOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
