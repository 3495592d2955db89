import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { err, type Result } from '../domain/result.ts';
import type { Store } from '../store/store.ts';
import type { Engine, ProbeEngine } from './engine.ts';
import { probeNamespaceEngine } from './namespace/namespace.ts';

/** In the order in which `auto` tries them. */
const ENGINES: Readonly<Record<string, ProbeEngine>> = {
  namespace: probeNamespaceEngine,
};

/** The engine that the settings ask for, or the first that works here. Failures: `engine/unknown` and the engines' own. */
export async function selectEngine(
  context: Context,
  store: Pick<Store, 'folder' | 'volume'>,
): Promise<Result<Engine>> {
  const deps = { volume: (name: string) => store.volume(name), scratch: join(store.folder, 'tmp') };
  const wanted = context.settings.engine;
  if (wanted !== 'auto') {
    const probe = Object.hasOwn(ENGINES, wanted) ? ENGINES[wanted] : undefined;
    return probe === undefined ? err(unknownEngine(wanted)) : probe(context, deps);
  }
  const [first, ...others] = Object.values(ENGINES) as [ProbeEngine, ...ProbeEngine[]];
  let outcome = await first(context, deps);
  for (const probe of others) {
    if (outcome.ok || context.signal.aborted) return outcome;
    const next = await probe(context, deps);
    outcome = next.ok ? next : err({ ...outcome.error, also: [...(outcome.error.also ?? []), next.error] });
  }
  return outcome;
}

function unknownEngine(name: string) {
  const known = ['auto', ...Object.keys(ENGINES)].map((one) => `\`${one}\``).join(', ');
  return {
    code: 'engine/unknown',
    what: `There is no engine "${name}".`,
    fix: [`Choose one of ${known}.`],
  } as const;
}
