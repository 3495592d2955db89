import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import type { Session } from './session.ts';

/** Runs two branches at once; the first failure stops the other, and is the one returned. */
export async function sideBySide<A, B>(
  session: Session,
  first: (session: Session) => Promise<Result<A>>,
  second: (session: Session) => Promise<Result<B>>,
): Promise<Result<[A, B]>> {
  const stop = new AbortController();
  const signal = AbortSignal.any([session.context.signal, stop.signal]);
  const branch: Session = { ...session, context: { ...session.context, signal } };
  let failure: Failure | undefined;
  const watch = <T>(result: Result<T>): Result<T> => {
    if (!result.ok) {
      failure ??= result.error;
      stop.abort();
    }
    return result;
  };
  const [a, b] = await Promise.all([first(branch).then(watch), second(branch).then(watch)]);
  if (a.ok && b.ok) return ok([a.value, b.value]);
  return err(failure as Failure);
}
