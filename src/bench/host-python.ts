import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import type { Plan } from '../domain/plan.ts';
import { ok, type Result } from '../domain/result.ts';
import { pyo3Config } from '../env/pyo3-config.ts';
import { runProcess } from '../exec/process.ts';
import { hostMachine } from '../pipeline/host.ts';
import { planRun, prepareEnv, startRun } from '../pipeline/prepare.ts';
import { withSession } from '../pipeline/session.ts';

/** The Python that cargo on this machine compiles a crate for. */
export interface HostPython {
  /** Variables of PyO3. */
  readonly env: Readonly<Record<string, string>>;
  /** Which one it is, for people. */
  readonly said: string;
}

const VERSION = 'import sys; print("%d.%d" % sys.version_info[:2])';

/**
 * A Python of a plan's version: the machine's own, else the packages' for this machine, which is fetched. With another version a
 * crate may have other code. A crate without PyO3, or one that brings its Python, needs none. `folder` has a copy of the crate.
 */
export async function findHostPython(
  context: Context,
  plan: Plan,
  folder: string,
): Promise<Result<HostPython>> {
  const { python } = plan.sysroot;
  if (plan.crate.pyo3 === undefined || python.implementation !== 'CPython')
    return ok({ env: {}, said: 'no Python' });
  const wanted = python.version.replace(/t$/, '');
  if (python.version === wanted) {
    for (const program of ['python3', `python${wanted}`])
      if ((await versionOf(context, program)) === wanted)
        return ok({ env: { PYO3_PYTHON: program }, said: `this machine's Python ${wanted}` });
  }
  return packagedPython(context, plan, folder);
}

async function versionOf(context: Context, program: string): Promise<string | undefined> {
  const { rust: env = {}, path = [] } = context.settings;
  const run = await runProcess({
    argv: [program, '-c', VERSION],
    env: { ...env, PATH: path.join(':') },
    signal: context.signal,
    timeoutMs: 60_000,
  });
  return run.ok && run.value.status === 0 ? Buffer.from(run.value.stdout).toString('utf8').trim() : undefined;
}

async function packagedPython(
  context: Context,
  { hostTarget, sysroot, recipe }: Plan,
  folder: string,
): Promise<Result<HostPython>> {
  const { version } = sysroot.python;
  const file = join(folder, 'host.yaml');
  const { bin } = recipe.project;
  await writeFile(
    file,
    JSON.stringify({
      schema: 1,
      description: 'The Python of cargo on this machine',
      ...{ target: hostTarget.name, python: { from: 'packages', version } },
      ...{ project: { path: 'crate', bin }, samples: { path: 'samples' } },
    }),
  );
  const planned = await planRun(context, file, hostMachine());
  if (!planned.ok) return planned;
  return withSession(context, [planned.value], async (session) => {
    const run = await startRun(session, planned.value, { logs: join(folder, 'logs') });
    if (!run.ok) return run;
    const prepared = await prepareEnv(session, run.value);
    if (!prepared.ok) return prepared;
    const config = join(folder, 'pyo3-config.txt');
    await writeFile(config, pyo3Config(prepared.value.python, prepared.value.sysroot.folder));
    return ok({ env: { PYO3_CONFIG_FILE: config }, said: `the packages' Python ${version}` });
  });
}
