import { layOutReference } from '../bundle/bytecode.ts';
import { ok, type Result } from '../domain/result.ts';
import type { OrderedReference } from '../run/byte-order.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import { referenceRuntime } from '../runtime/reference.ts';
import type { Run } from './prepare.ts';
import type { Made } from './runtimes.ts';
import type { Session } from './session.ts';

/**
 * A second reference, of the target's byte order; undefined where the first has it. Fetched and unpacked when a sample
 * differs, with no packages of the recipe.
 */
export function orderedReference(
  session: Session,
  { plan, trees }: Run,
  { prepared, interpreter, bytecode, toolchain, packages }: Made,
): OrderedReference | undefined {
  const { ordered } = plan;
  if (ordered === undefined || packages !== undefined) return undefined;
  const make = async (): Promise<Result<RuntimeInstance>> => {
    const tree = await trees.make('ordered');
    if (!tree.ok) return tree;
    const { stdlib, minor } = prepared.python;
    const home = await layOutReference(session.context, session.store, {
      ...{ interpreter: plan.interpreter, tree: interpreter, stdlib, minor, bytecode },
      reference: tree.value,
    });
    if (!home.ok) return home;
    const like = { ...plan, reference: ordered.image, referenceTarget: ordered.target };
    const parts = { reference: tree.value, home: home.value, emulatorOf: toolchain };
    return ok(referenceRuntime(like, parts));
  };
  let made: Promise<Result<RuntimeInstance>> | undefined;
  return {
    order: `${ordered.target.endianness}-endian`,
    architecture: ordered.target.name,
    runtime: () => {
      made ??= make();
      return made;
    },
  };
}
