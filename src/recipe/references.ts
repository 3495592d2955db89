import { defined } from '../domain/defined.ts';
import type {
  DefinitionFile,
  ImageDefinition,
  OrderedInterpreters,
  OtherInterpreter,
} from '../domain/definitions.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import { hostTargetOf } from './architectures.ts';
import { pythonImageFile, pythonImageYaml } from './folders.ts';
import { type ImageContext, imageArchitectures, loadPythonImage } from './images.ts';
import type { Loaded } from './load.ts';
import type { PythonDefinition } from './pythons.ts';

/** The interpreters that a run needs beside the target's own. */
export interface References {
  /** Of the machine that builds. */
  readonly interpreter: Loaded<ImageDefinition>;
  /** The one whose output is right; the same value where the machine's serves. */
  readonly reference: ImageDefinition;
  /** What it is a program of. */
  readonly target: Target;
  /** Where there is one of the target's byte order and the reference has the other. */
  readonly ordered?: OrderedInterpreters;
  readonly files: { readonly interpreter: DefinitionFile; readonly reference: DefinitionFile };
}

/**
 * The reference of a target: the machine's own interpreter where its pointers are as wide as the target's, else the first
 * that `pythons/reference.yaml` has with such pointers. `hash()`, `sys.maxsize` and the sizes of objects depend on them.
 */
export async function loadReferences(
  context: ImageContext,
  python: PythonDefinition,
  target: Target,
): Promise<Result<References>> {
  const { home, targets, architecture: own, read } = context;
  const interpreter = await loadPythonImage(context, python, 'reference');
  if (!interpreter.ok) return interpreter;
  const made = await imageArchitectures(pythonImageYaml(home, 'reference'), home, read);
  if (!made.ok) return made;
  const known = candidates([own, ...made.value], targets);
  const machine = known[0]?.target;
  if (machine === undefined) throw new Error('an image without its machine was read');
  const chosen = known.find((one) => one.target.pointerWidth === target.pointerWidth);
  const reference = await another(context, python, chosen);
  if (!reference.ok) return reference;
  const like = reference.value?.target ?? machine;
  const ordered =
    like.endianness === target.endianness ? ok(undefined) : await orderedOf(context, python, known, target);
  if (!ordered.ok) return ordered;
  const file = pythonImageFile(home, python.name, 'reference', own);
  return ok({
    interpreter: interpreter.value,
    reference: reference.value?.image ?? interpreter.value.value,
    target: like,
    ...defined({ ordered: ordered.value }),
    files: { interpreter: file, reference: reference.value?.file ?? file },
  });
}

interface Candidate {
  readonly architecture: string;
  readonly target: Target;
}

/** Architectures of interpreters that can be started: the first is the machine's, the others need an emulator. */
function candidates(architectures: readonly string[], targets: readonly Target[]): readonly Candidate[] {
  return architectures.flatMap((architecture, i): readonly Candidate[] => {
    const target = hostTargetOf(targets, architecture);
    return target === undefined || (i > 0 && target.emulator === undefined) ? [] : [{ architecture, target }];
  });
}

/** Of the target's byte order; and of the machine's own, but of another machine. */
async function orderedOf(
  context: ImageContext,
  python: PythonDefinition,
  known: readonly Candidate[],
  { pointerWidth, endianness }: Target,
): Promise<Result<OrderedInterpreters | undefined>> {
  const others = known.slice(1).filter((one) => one.architecture !== context.architecture);
  const wide = others.filter((one) => one.target.pointerWidth === pointerWidth);
  const ordered = await another(
    context,
    python,
    wide.find((one) => one.target.endianness === endianness),
  );
  if (!ordered.ok || ordered.value === undefined) return ordered.ok ? ok(undefined) : ordered;
  const control = await another(
    context,
    python,
    wide.find((one) => one.target.endianness !== endianness),
  );
  return control.ok ? ok({ ordered: ordered.value, ...defined({ control: control.value }) }) : control;
}

/** The interpreter of another architecture than the machine's; undefined where it is that, or there is none. */
async function another(
  context: ImageContext,
  python: PythonDefinition,
  candidate: Candidate | undefined,
): Promise<Result<OtherInterpreter | undefined>> {
  if (candidate === undefined || candidate.architecture === context.architecture) return ok(undefined);
  const { architecture, target } = candidate;
  const loaded = await loadPythonImage({ ...context, architecture }, python, 'reference');
  if (!loaded.ok) return loaded;
  const { value } = loaded.value;
  return ok({
    image: { ...value, name: `${value.name} (${architecture})` },
    target,
    file: pythonImageFile(context.home, python.name, 'reference', architecture),
  });
}
