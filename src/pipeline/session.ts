import type { Diagnostics } from '../diagnose/diagnostics.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Engine } from '../engine/engine.ts';
import { selectEngine } from '../engine/select.ts';
import type { DamageReport } from '../store/integrity.ts';
import { openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import type { Planned } from './prepare.ts';
import { Recorder } from './recorder.ts';
import { openRemote } from './remote.ts';
import { lockChecksums } from './trees.ts';

/** What the stages of one invocation share. It is complete when it is opened. */
export interface Session {
  readonly context: Context;
  readonly store: Store;
  readonly recorder: Recorder;
  /** The engine, looked for on first use: a run that finds everything in the store starts none. */
  readonly engine: () => Promise<Result<Engine>>;
}

/**
 * Opens store, recorder and engine for plans, uses them and closes them, whatever comes of it. Several plans share one
 * engine: its limits are those of the last that has any.
 */
export async function withSession<T>(
  outer: Context,
  plans: readonly Planned[],
  use: (session: Session) => Promise<Result<T>>,
  diagnostics?: Diagnostics,
): Promise<Result<T>> {
  const remote = await openRemote(
    outer,
    plans.map(({ plan }) => plan.recipe.cache).find((one) => one !== undefined),
  );
  if (!remote.ok) return remote;
  const store = await openStore(
    outer.settings.store,
    (damage) => outer.emit(damageNotice(damage)),
    remote.value,
  );
  if (!store.ok) return store;
  const recorder = new Recorder(outer.emit, diagnostics);
  const context: Context = { ...outer, emit: recorder.emit };
  const engine = new LazyEngine(context, store.value, recorder, plans);
  try {
    return await use({
      context,
      store: store.value,
      recorder,
      // What it runs is what has been found in the store; what it tries itself is nothing of that.
      engine: async () => {
        const [sound, got] = await Promise.all([store.value.check(), engine.get()]);
        if (!sound.ok) return sound;
        return got.ok ? ok(fetchingFirst(got.value, store.value)) : got;
      },
    });
  } finally {
    await engine.close();
    // After an interrupt nothing is awaited: entries not yet flushed are made again.
    if (!outer.signal.aborted) await store.value.settled();
    await remote.value?.finish();
  }
}

/** An engine that waits for the trees of its sandboxes where the store has put off fetching them. */
function fetchingFirst(engine: Engine, store: Store): Engine {
  return {
    info: engine.info,
    emulation: (elf) => engine.emulation(elf),
    open: async (spec) => {
      const mounted = spec.mounts.flatMap((mount) => ('source' in mount ? [mount.source] : []));
      const ready = await store.ready([spec.rootfs, ...mounted]);
      return ready.ok ? engine.open(spec) : ready;
    },
  };
}

function damageNotice({ path, damage }: DamageReport) {
  const files = damage.slice(0, 3).map(({ path: file, what }) => `${file} ${what}`);
  const more = damage.length > 3 ? [`${damage.length - 3} more`] : [];
  const which = files.length === 0 ? '' : ` (${[...files, ...more].join(', ')})`;
  return {
    type: 'notice',
    level: 'warning',
    code: 'store/damaged',
    message: `${path} is damaged${which}. It is removed from the store and made or fetched anew.`,
  } as const;
}

/** Selected when it is first asked for; of several calls at once each gets the same one. */
class LazyEngine {
  readonly #select: () => Promise<Result<Engine>>;
  #selected: Promise<Result<Engine>> | undefined;

  constructor(context: Context, store: Store, recorder: Recorder, plans: readonly Planned[]) {
    const limits = plans.map(({ plan }) => plan.recipe.limits).findLast((one) => one !== undefined);
    const locks = new Map(plans.flatMap((planned) => [...lockChecksums(store, planned)]));
    this.#select = () =>
      recorder.stage(
        'engine',
        'Engine',
        async () => {
          const selected = await selectEngine(context, store, { locks, ...defined({ limits }) });
          if (selected.ok) context.emit({ type: 'facts', facts: { engine: selected.value.info } });
          return selected;
        },
        ({ info }) => ({ hit: false, detail: `${info.name} ${info.version}` }),
      );
  }

  get(): Promise<Result<Engine>> {
    this.#selected ??= this.#select();
    return this.#selected;
  }

  async close(): Promise<void> {
    const selected = await this.#selected;
    if (selected?.ok === true) await selected.value.close?.();
  }
}
