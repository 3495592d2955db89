import { ok, type Result } from '../domain/result.ts';
import type { Asked, Run } from './observe.ts';
import type { Runs } from './result.ts';

type Observer = (asked: Asked) => Promise<Result<Run>>;

/**
 * Runs the same on the target and on the reference. Where it `fails`, each run that came from the store is started anew: a
 * failure that is told has been seen in this run. What races, on either side, would otherwise fail again and again by
 * what it once printed.
 */
export async function observeBoth(
  observers: { readonly [side in keyof Runs]: Observer },
  fails: (runs: Runs) => boolean,
): Promise<Result<Runs>> {
  const first = await both(observers.target({}), observers.reference({}));
  if (!first.ok || !fails(first.value)) return first;
  const { target, reference } = first.value;
  // What a limit or an emulator ended says nothing of the other side.
  const whole = target.end === 'itself' && reference.end === 'itself';
  const again = (run: Run, observer: Observer) => (run.cached && whole ? observer({ anew: true }) : ok(run));
  return both(again(target, observers.target), again(reference, observers.reference));
}

type Ran = Result<Run> | Promise<Result<Run>>;

async function both(target: Ran, reference: Ran): Promise<Result<Runs>> {
  const [here, there] = await Promise.all([target, reference]);
  if (!here.ok) return here;
  return there.ok ? ok({ target: here.value, reference: there.value }) : there;
}
