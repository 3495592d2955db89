import { makeLibraryModules } from '../bundle/library-modules.ts';
import { describeData } from '../bundle/system-data.ts';
import { defined } from '../domain/defined.ts';
import { ok, type Result } from '../domain/result.ts';
import { programFormat } from '../runtime/program/program.ts';
import type { Tree } from '../toolchain/tree.ts';
import { systemDataFacts } from './facts.ts';
import { pipHost } from './packages.ts';
import type { Prepared, Run } from './prepare.ts';
import type { RuntimeParts } from './runtimes.ts';
import type { Session } from './session.ts';
import { setOf } from './tree-orders.ts';

/** What is other in the bundle's standard library than in the sysroot's: modules, and a system's data. */
export async function makeLibrary(
  session: Session,
  { plan, locks, trees }: Run,
  { python, sysroot }: Prepared,
  input: { readonly interpreter: Tree; readonly logs: string },
): Promise<Result<Pick<RuntimeParts, 'modules' | 'systemData'>>> {
  const tree = plan.systemData === undefined ? undefined : await trees.make('system-data');
  if (tree?.ok === false) return tree;
  const packages = locks.systemData === undefined ? [] : setOf(locks.systemData, 'rootfs');
  const systemData =
    tree === undefined
      ? undefined
      : { tree: tree.value, data: describeData(plan.recipe.brings ?? [], packages) };
  if (systemData !== undefined) session.context.emit({ type: 'facts', facts: systemDataFacts(systemData) });
  const modules = await session.recorder.stage(
    'bytecode',
    "The bundle's own modules",
    () =>
      makeLibraryModules(session.context, session.store, pipHost(session, plan, input), {
        ...{ python, sysroot, machineCode: programFormat(plan.target).machineCode },
        ...defined({ systemData }),
      }),
    (made) => ({
      hit: made?.hit ?? true,
      detail: made === undefined ? 'none' : `compiled for CPython ${python.minor}`,
    }),
  );
  return modules.ok ? ok(defined({ modules: modules.value, systemData })) : modules;
}
