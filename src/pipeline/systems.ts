import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { SystemDefinition, SystemFacts } from '../domain/system.ts';
import type { SystemRuntime } from '../run/run.ts';
import { targetRuntime, withSuite } from '../runtime/runtime.ts';
import { rootfsFacts } from './facts.ts';
import type { Run } from './prepare.ts';
import type { Made } from './runtimes.ts';
import type { Session } from './session.ts';
import { systemKey } from './trees.ts';

/** The bundle in the root of every further system of the plan. */
export async function systemRuntimes(
  session: Session,
  { plan, trees }: Run,
  made: Made,
  logs: string,
): Promise<Result<readonly SystemRuntime[]>> {
  const { program, digest } = made.program.meta;
  const all = await Promise.all(
    plan.systems.map(async ({ definition }): Promise<Result<SystemRuntime>> => {
      const root = await trees.make(systemKey(definition.name));
      if (!root.ok) return root;
      session.context.emit({ type: 'facts', facts: rootfsFacts(root.value) });
      const input = { ...made, rootfs: root.value, program, programDigest: digest, logs };
      const runtime = await targetRuntime(session, plan, input);
      if (!runtime.ok) return runtime;
      return ok({ facts: factsOf(definition), runtime: withSuite(runtime.value, plan.recipe.samples) });
    }),
  );
  const failed = all.find((one) => !one.ok);
  return failed?.ok === false ? err(failed.error) : ok(all.flatMap((one) => (one.ok ? [one.value] : [])));
}

function factsOf({ name, description, glibc }: SystemDefinition): SystemFacts {
  return { name, description, ...defined({ glibc }) };
}
