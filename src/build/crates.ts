import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Context } from '../domain/context.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Engine, Mount } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { crateAt, projectRoot } from '../engine/project-paths.ts';
import { runTool } from '../engine/tool.ts';
import type { Store } from '../store/store.ts';
import { type BuildInput, buildMounts, cargoOf } from './build.ts';
import { cargoHomeMounts } from './cargo-home.ts';
import { transportNotices } from './cargo-notices.ts';
import { explainFetch } from './fetch-failure.ts';
import { FETCH_PROGRAMS } from './fetch-programs.ts';
import { fetchConfigurations, fetchVariables } from './fetch-step.ts';
import type { HostCargo } from './host-cargo.ts';
import { type LockedCrates, sealCrates } from './sealed-crates.ts';
import type { BuildView } from './view.ts';

/** A step of cargo in the build's sandbox. */
export interface CargoStep {
  readonly context: Context;
  readonly store: Store;
  readonly input: Pick<BuildInput, 'resolved' | 'toolchain' | 'sysroot' | 'env'>;
  readonly engine: Engine;
  readonly cargo: HostCargo;
  readonly view: BuildView;
  readonly log: string;
}

/**
 * Fetches the crates, the only step with network: those that the program has on its target, and those that build scripts and
 * procedural macros have on the machine that builds. Cargo gives flags to the target's alone, and conditions such as
 * `cfg(tokio_unstable)` depend on them; so each side is asked for as it is built.
 */
export async function fetchCrates(step: CargoStep, crates?: LockedCrates): Promise<Result<void>> {
  const { context, store, engine, input } = step;
  const locked = crates ?? (await lockedCrates(step));
  return sealCrates({ ...{ context, store, engine, rootfs: input.toolchain.folder }, ...locked }, () =>
    fetchBothSides(step, locked.lock),
  );
}

/** The lock of a step's project, and what else decides which crates it needs. */
export async function lockedCrates({ input, cargo, view }: CargoStep): Promise<LockedCrates> {
  const { target, hostTarget, recipe, rust } = input.resolved;
  const { project } = recipe;
  const file = join(view.project, relative(projectRoot(project), project.root), 'Cargo.lock');
  return {
    lock: (await readFile(file, 'utf8').catch(absentAsUndefined)) ?? '',
    inputs: {
      targets: [target.rustTriple, hostTarget.rustTriple],
      toolchain: input.toolchain.fingerprint,
      rust: rust?.version ?? null,
      // Manifests and configuration of the project, too: features and conditions.
      sources: view.sources.manifests,
      env: { ...input.env.variables },
      config: cargo.config,
      names: { ...cargo.names },
    },
  };
}

async function fetchBothSides(step: CargoStep, lock: string): Promise<Result<void>> {
  const { context, input, cargo } = step;
  const { target, hostTarget } = input.resolved;
  const { offline } = context.settings;
  const { project } = input.resolved.recipe;
  const access = cargo.fetching(lock);
  for (const notice of transportNotices(input.resolved.cargo, project, access)) context.emit(notice);
  const covers = await fetchConfigurations(step.view, project, access);
  if (!covers.ok) return covers;
  const sandbox = await step.engine.open({
    rootfs: input.toolchain.folder,
    network: offline ? 'none' : 'host',
    mounts: [
      ...fetchMounts(buildMounts(input, step.view)),
      ...covers.value,
      ...cargo.sources,
      ...access.mounts,
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const sides = [
    { triple: target.rustTriple, flags: {} },
    { triple: hostTarget.rustTriple, flags: { CARGO_ENCODED_RUSTFLAGS: '' } },
  ];
  for (const { triple, flags } of sides) {
    const run = await runTool(context, box, {
      stage: 'build',
      code: offline ? 'fetch/crates-offline' : 'fetch/crates',
      doing: 'Fetching the crates',
      fix: offline
        ? ['Run once without `--offline`: not all crates of this Cargo.lock have been fetched.']
        : ['Run the same command again: what is fetched is kept.'],
      log: step.log,
      command: {
        argv: [
          ...[cargoOf(input), 'fetch', '--locked', '--target', triple],
          ...(offline ? ['--offline'] : []),
        ] as [string, ...string[]],
        env: {
          ...fetchVariables(input.env.variables, project, access),
          ...flags,
          ...access.env,
          ...FETCH_PROGRAMS,
        },
        cwd: crateAt(project),
      },
    });
    if (!run.ok) return err(explainFetch(run.error, input.resolved));
  }
  return ok(undefined);
}

/** The mounts of a build with cargo's home to be written, and without what builds have left. */
export function fetchMounts(mounts: readonly Mount[]): readonly Mount[] {
  const others = mounts.filter(
    ({ at }) => at !== PATHS.target && at !== PATHS.seals && !at.startsWith(`${PATHS.cargo}/`),
  );
  return [...others, ...cargoHomeMounts('fetch')];
}
