import { ok, type Result } from '../domain/result.ts';
import type { SampleResult } from '../domain/sample.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import { compare } from './compare.ts';
import type { Run } from './observe.ts';
import type { Explanation } from './unflushed.ts';

/** A second reference: of the target's byte order, where the first has the other one. */
export interface OrderedReference {
  /** Of the target, e.g. `big-endian`. */
  readonly order: string;
  /** The architecture of the interpreter. */
  readonly architecture: string;
  /** Made when it is asked for the first time. */
  readonly runtime: () => Promise<Result<RuntimeInstance>>;
}

/** Differences that a byte order may make; the others are of limits and emulators. */
const KINDS: readonly unknown[] = ['output-differs', 'exit-differs'];

/**
 * Explains a difference that is the byte order's: an interpreter of the distribution with the target's byte order, run with
 * the same script, says exactly what the target said. `again` runs the script on it.
 */
export async function explainByteOrder(
  { kind, reason, file }: SampleResult,
  { run: target, name }: { readonly run: Run; readonly name: string },
  { order, architecture, runtime }: OrderedReference,
  again: (runtime: RuntimeInstance) => Promise<Result<Run>>,
): Promise<Result<Explanation | undefined>> {
  if (!KINDS.includes(kind)) return ok(undefined);
  const instance = await runtime();
  if (!instance.ok) return instance;
  const run = await again(instance.value);
  if (!run.ok) return run;
  if (compare(run.value, target, 0) !== undefined) return ok(undefined);
  return ok({
    reason: `${reason}. That is the byte order, and nothing of this build: CPython for ${architecture}, ${order} as well, says the same`,
    cures: [
      'Where numbers become bytes, state their order: `struct.pack("<…")`, `int.to_bytes(…, "little")`, `"utf-16-le"`; `array`, `memoryview.cast` and native `struct` formats have that of the machine.',
      `Or declare it in the header of \`${file}\`: \`# differs-on: ${name}: byte order\`.`,
    ],
  });
}
