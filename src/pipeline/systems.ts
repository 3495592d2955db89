import { defined } from '../domain/defined.ts';
import { ok, type Result } from '../domain/result.ts';
import type { SystemDefinition, SystemFacts } from '../domain/system.ts';
import type { SystemRuntime } from '../run/run.ts';
import { type ProgramInput, targetRuntime, withSuite } from '../runtime/runtime.ts';
import { rootfsFacts } from './facts.ts';
import type { Run } from './prepare.ts';
import type { Made } from './runtimes.ts';
import type { Session } from './session.ts';
import { systemKey } from './tree-orders.ts';

/** The bundle as one executable. */
export type Onefile = NonNullable<ProgramInput['onefile']>;

/** The bundle in the root of every further system of the plan, and the one file, where it is shipped, in the bundle's own root. */
export async function systemRuntimes(
  session: Session,
  { plan, trees }: Run,
  made: Made,
  logs: string,
  onefile?: Onefile,
): Promise<Result<readonly SystemRuntime[]>> {
  const { program, digest } = made.program.meta;
  const runtimes: SystemRuntime[] = [];
  // One after the other: they are small, and two stages of one name at a time could not be told apart.
  for (const { definition } of plan.systems) {
    const root = await trees.make(systemKey(definition.name));
    if (!root.ok) return root;
    session.context.emit({ type: 'facts', facts: rootfsFacts(root.value) });
    const input = { ...made, rootfs: root.value, program, programDigest: digest, logs };
    const runtime = await targetRuntime(session, plan, input);
    if (!runtime.ok) return runtime;
    runtimes.push({ facts: factsOf(definition), runtime: withSuite(runtime.value, plan.recipe.samples) });
  }
  if (onefile === undefined) return ok(runtimes);
  const runtime = await targetRuntime(session, plan, {
    ...made,
    program,
    programDigest: digest,
    logs,
    onefile,
  });
  if (!runtime.ok) return runtime;
  return ok([...runtimes, { facts: ONEFILE, runtime: withSuite(runtime.value, plan.recipe.samples) }]);
}

const ONEFILE: SystemFacts = {
  name: 'onefile',
  description: 'The bundle as one executable, alone in the root that the bundle runs in.',
};

function factsOf({ name, description, glibc }: SystemDefinition): SystemFacts {
  return { name, description, ...defined({ glibc }) };
}
