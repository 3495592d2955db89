import type { Context } from '../domain/context.ts';
import type { Limits } from '../domain/definitions.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Engine } from '../engine/engine.ts';
import { selectEngine } from '../engine/select.ts';
import { openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import { Recorder } from './recorder.ts';

/** What one invocation shares between its stages. */
export interface Session {
  readonly context: Context;
  readonly store: Store;
  readonly recorder: Recorder;
  /** The engine, looked for on first use: a run that finds everything in the store starts none. */
  readonly engine: () => Promise<Result<Engine>>;
  /** The engine if it has been used. */
  readonly engineUsed: () => Engine | undefined;
  /** What the engine is to hold to and to know; set before it is used. */
  readonly wishes: { limits?: Limits; readonly locks: Map<string, string> };
}

export async function openSession(outer: Context): Promise<Result<Session>> {
  const store = await openStore(outer.settings.store);
  if (!store.ok) return store;
  const recorder = new Recorder(outer.emit);
  const context: Context = { ...outer, emit: recorder.emit };
  let selected: Promise<Result<Engine>> | undefined;
  let used: Engine | undefined;
  const wishes: Session['wishes'] = { locks: new Map() };
  const engine = (): Promise<Result<Engine>> => {
    selected ??= recorder
      .stage(
        'engine',
        'Engine',
        () => selectEngine(context, store.value, wishes),
        (value) => ({
          hit: false,
          detail: `${value.info.name} ${value.info.version}`,
        }),
      )
      .then((result: Result<Engine>) => {
        if (result.ok) used = result.value;
        return result;
      });
    return selected;
  };
  return ok({ context, store: store.value, recorder, engine, engineUsed: () => used, wishes });
}
