import { join } from 'node:path';
import { defined } from '../domain/defined.ts';
import type { Plan } from '../domain/plan.ts';
import type { HostStart } from '../domain/report.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Sample, SampleResult } from '../domain/sample.ts';
import type { RunnableCommand } from '../run/commands.ts';
import { type FirstStart, startOnHost } from '../run/host-start.ts';
import { Inputs } from '../run/inputs.ts';
import { argumentsOf } from '../run/observe.ts';
import type { RunOutcome } from '../run/run.ts';
import { startsOnHost } from '../runtime/runtime.ts';
import { hostMachine, hostSystem } from './host.ts';
import type { Made } from './runtimes.ts';
import type { Session } from './session.ts';
import { withTestFiles } from './test-files.ts';

/**
 * Starts the bundle once on this machine, outside of any sandbox, where the kernel can and the recipe lets it: with the first
 * sample, else the first command, that passed. One that does not start is a notice, not a failure.
 */
export async function proveOnHost(
  session: Session,
  plan: Plan,
  made: Made,
  samples: readonly Sample[],
  outcome: RunOutcome,
): Promise<Result<void>> {
  const { context, store, recorder } = session;
  if (plan.recipe.host === false || !startsOnHost(plan.runtime, hostMachine().platform)) return ok(undefined);
  const start = await firstStart(plan, samples, outcome);
  if (start === undefined) return ok(undefined);
  const { unpacked, bundle, program } = made;
  const ran = await recorder.stage(
    'host',
    'Start on this machine, outside of any sandbox',
    () =>
      startOnHost(context, store, {
        bundle: join(unpacked.folder, unpacked.top),
        digest: bundle.meta.digest,
        program: join('bin', program.meta.program),
        host: hostSystem(),
        start,
        ...defined({ older: plan.olderPython }),
      }),
    (value) => ({
      hit: value.cached,
      detail: `${value.started ? 'it starts' : 'it does not start'}: ${value.with}`,
    }),
  );
  if (!ran.ok) return ran;
  const { cached: _, ...hostStart } = ran.value;
  context.emit({ type: 'facts', facts: { hostStart } });
  if (!hostStart.started) context.emit(notStarted(plan, hostStart));
  return ok(undefined);
}

/** What passed in the sandbox, the simplest first; nothing where nothing did. */
async function firstStart(
  { recipe }: Plan,
  samples: readonly Sample[],
  { results }: RunOutcome,
): Promise<FirstStart | undefined> {
  const passed = (name: string): SampleResult | undefined =>
    results.find((one) => one.name === name && one.status === 'passed' && one.declared === undefined);
  const fit = samples.filter(({ name }) => passed(name) !== undefined);
  const sample = fit.find(({ requires }) => requires.length === 0) ?? fit[0];
  if (sample !== undefined) {
    const { args, env = {} } = recipe.samples;
    const { stdin, timeoutSeconds, file, name } = sample;
    const { files } = await new Inputs(samples).of(sample);
    const exit = passed(name)?.target?.exit ?? { status: 0 };
    return { name, args: argumentsOf(args, file, sample), env, stdin, timeoutSeconds, exit, files };
  }
  const command = (recipe.tests?.commands ?? []).find(
    ({ name, server }) => server === undefined && passed(`command/${name}`) !== undefined,
  );
  if (command === undefined) return undefined;
  const placed = await withTestFiles([command], recipe.file);
  // They were there a moment ago, when it passed.
  if (!placed.ok) return undefined;
  const [{ args, stdin, timeoutSeconds, name, working } = command as RunnableCommand] = placed.value;
  const result = passed(`command/${name}`);
  return {
    ...{ name: `command/${name}`, args, env: {}, stdin, timeoutSeconds, files: {} },
    ...defined({ working }),
    exit: result?.target?.exit ?? { status: 0 },
  };
}

function notStarted({ recipe }: Plan, { system, reason, cures = [], lines = [] }: HostStart) {
  const said = lines.at(-1) ?? '';
  return {
    type: 'notice',
    level: 'warning',
    code: 'samples/not-on-host',
    message: [
      `${recipe.project.bin} does not start on this machine (${system}) outside of a sandbox: ${reason}.`,
      ...(said === '' ? [] : [`It printed "${said}".`]),
      ...cures,
    ].join(' '),
  } as const;
}
