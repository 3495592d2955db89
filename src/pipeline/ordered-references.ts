import { layOutReference } from '../bundle/bytecode.ts';
import { defined } from '../domain/defined.ts';
import type { OtherInterpreter } from '../domain/definitions.ts';
import { ok, type Result } from '../domain/result.ts';
import type { OrderedReferences, OtherReference } from '../run/byte-order.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import { referenceRuntime } from '../runtime/reference.ts';
import type { Run } from './prepare.ts';
import type { Made } from './runtimes.ts';
import type { Session } from './session.ts';
import type { OrderedKey } from './tree-orders.ts';

/**
 * Further references where the first has another byte order than the target; undefined where it has the same. They are
 * fetched and unpacked when a sample differs. None has the packages of a recipe, so one with packages has none.
 */
export function orderedReferences(session: Session, run: Run, made: Made): OrderedReferences | undefined {
  const { ordered } = run.plan;
  if (ordered === undefined || made.packages !== undefined) return undefined;
  const { control } = ordered;
  const told = new Set<string>();
  const other = (key: OrderedKey, interpreter: OtherInterpreter): OtherReference => ({
    name: interpreter.target.name,
    order: `${interpreter.target.endianness}-endian`,
    runtime: once(() => instanceOf(session, run, made, key, interpreter)),
  });
  return {
    same: other('ordered', ordered.ordered),
    ...defined({ control: control === undefined ? undefined : other('control', control) }),
    onAbsent: ({ name }, { what }) => {
      if (told.has(name)) return;
      told.add(name);
      session.context.emit(absent(name, what));
    },
  };
}

function absent(name: string, what: string) {
  return {
    type: 'notice',
    level: 'info',
    code: 'samples/byte-order-unknown',
    message: `Which differences are the byte order's alone is not known, as the interpreter for ${name} is not there: ${what}`,
  } as const;
}

async function instanceOf(
  session: Session,
  { plan, trees }: Run,
  { prepared, interpreter, bytecode, toolchain }: Made,
  key: OrderedKey,
  { image, target }: OtherInterpreter,
): Promise<Result<RuntimeInstance>> {
  const tree = await trees.make(key);
  if (!tree.ok) return tree;
  const { stdlib, minor } = prepared.python;
  const home = await layOutReference(session.context, session.store, {
    ...{ interpreter: plan.interpreter, tree: interpreter, stdlib, minor, bytecode },
    reference: tree.value,
  });
  if (!home.ok) return home;
  const like = { ...plan, reference: image, referenceTarget: target };
  return ok(referenceRuntime(like, { reference: tree.value, home: home.value, emulatorOf: toolchain }));
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
