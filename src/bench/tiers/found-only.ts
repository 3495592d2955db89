import { err, ok } from '../../domain/result.ts';
import { Recorder } from '../../pipeline/recorder.ts';
import type { Session } from '../../pipeline/session.ts';
import { fingerprint } from '../../store/fingerprint.ts';
import type { Store } from '../../store/store.ts';

/** The code of a failure that says no more than that something would have to be made. */
export const NOT_THERE = 'store/not-there';

/** A session in which nothing is fetched and nothing is made: what the store lacks fails with `store/not-there`. */
export function foundOnly(session: Session): Session {
  const quiet = { ...session.context, emit: () => {} };
  return { ...session, context: quiet, recorder: new Recorder(quiet.emit), store: readOnly(session.store) };
}

function readOnly(store: Store): Store {
  const obtain: Store['obtain'] = async (kind, inputs) => {
    const found = await store.find<never>(kind, fingerprint(inputs));
    return found === undefined
      ? err({ code: NOT_THERE, what: 'The store does not have it.', fix: [] })
      : ok(found);
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'obtain') return obtain;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
