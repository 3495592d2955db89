import type { Context } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Engine } from '../engine/engine.ts';
import { crateAt } from '../engine/project-paths.ts';
import { runTool } from '../engine/tool.ts';
import { type BuildInput, buildMounts, cargoOf } from './build.ts';
import { explainFetch } from './fetch-failure.ts';
import type { HostCargo } from './host-cargo.ts';
import type { BuildView } from './view.ts';

/** A step of cargo in the build's sandbox. */
export interface CargoStep {
  readonly context: Context;
  readonly input: BuildInput;
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
export async function fetchCrates(step: CargoStep): Promise<Result<void>> {
  const { context, input, cargo } = step;
  const { target, hostTarget, crate } = input.resolved;
  const { offline } = context.settings;
  const sandbox = await step.engine.open({
    rootfs: input.toolchain.folder,
    network: offline ? 'none' : 'host',
    mounts: [...buildMounts(input, step.view), ...cargo.sources, ...cargo.mounts],
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
        env: { ...input.env.variables, ...flags, ...cargo.env },
        cwd: crateAt(input.resolved.recipe.project),
      },
    });
    if (!run.ok) return err(explainFetch(run.error, crate));
  }
  return ok(undefined);
}
