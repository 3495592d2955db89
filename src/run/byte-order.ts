import { ok, type Result } from '../domain/result.ts';
import type { SampleResult } from '../domain/sample.ts';
import type { Failure } from '../failure.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import { compare } from './compare.ts';
import type { Run } from './observe.ts';
import type { Runs } from './result.ts';
import type { Explanation } from './unflushed.ts';

/** A further interpreter of the distribution, made when it is asked for the first time. */
export interface OtherReference {
  /** Name of the target that it is a program of. */
  readonly name: string;
  /** `big-endian` or `little-endian`. */
  readonly order: string;
  readonly runtime: () => Promise<Result<RuntimeInstance>>;
}

/** What tells the byte order from other causes, where target and reference have different ones. */
export interface OrderedReferences {
  /** Of the target's byte order. */
  readonly same: OtherReference;
  /** Of the reference's byte order and of another machine. */
  readonly control?: OtherReference;
  /** Called where one of them cannot be had: a difference is then one without this explanation. */
  readonly onAbsent: (other: OtherReference, why: Failure) => void;
}

/** Differences that a byte order may make; the others are of limits and emulators. */
const KINDS: readonly unknown[] = ['output-differs', 'exit-differs'];

const STATE_THE_ORDER =
  'Where numbers become bytes, state their order: `struct.pack("<…")`, `int.to_bytes(…, "little")`, `"utf-16-le"`; `array`, `memoryview.cast` and native `struct` formats have that of the machine.';

/**
 * Explains a difference that the byte order makes, by trying: an interpreter of the target's byte order says exactly what the
 * target said, so it is nothing of this build; and one of the reference's byte order, on another machine, says exactly
 * what the reference said, so it is nothing else of the machine. `again` runs the same on another interpreter.
 */
export async function explainByteOrder(
  { kind, reason, file }: SampleResult,
  { runs, on }: { readonly runs: Runs; readonly on: string },
  { same, control, onAbsent }: OrderedReferences,
  again: (runtime: RuntimeInstance) => Promise<Result<Run>>,
): Promise<Result<Explanation | undefined>> {
  if (!KINDS.includes(kind)) return ok(undefined);
  const says = async (other: OtherReference, expected: Run): Promise<Result<boolean>> => {
    const instance = await other.runtime();
    if (!instance.ok) {
      onAbsent(other, instance.error);
      return ok(false);
    }
    const run = await again(instance.value);
    return run.ok ? ok(compare(expected, run.value, 0) === undefined) : run;
  };
  const alike = await says(same, runs.target);
  if (!alike.ok || !alike.value) return alike.ok ? ok(undefined) : alike;
  const controlled = control === undefined ? ok(false) : await says(control, runs.reference);
  if (!controlled.ok) return controlled;
  const declare = (why: string): string =>
    `Or declare it in the header of \`${file}\`: \`# differs-on: ${on}: ${why}\`.`;
  const proof = `CPython's own interpreter for ${same.name}, ${same.order} as well, says the same`;
  return ok(
    control !== undefined && controlled.value
      ? {
          reason: `${reason}. It is the byte order alone: ${proof}; the one for ${control.name}, ${control.order}, says what the reference says`,
          cures: [STATE_THE_ORDER, declare('byte order')],
        }
      : {
          reason: `${reason}. It is the machine, by its byte order or otherwise, and nothing of this build: ${proof}`,
          cures: [STATE_THE_ORDER, declare('another machine')],
        },
  );
}
