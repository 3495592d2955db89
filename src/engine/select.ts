import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { err, type Result } from '../domain/result.ts';
import type { EngineStore } from './docker/machine.ts';
import type { Engine, EngineDeps, EngineOptions } from './engine.ts';
import { probeNamespaceEngine } from './namespace/namespace.ts';

type Deps = EngineDeps & { readonly store: EngineStore };
type Probe = (context: Context, deps: Deps) => Promise<Result<Engine>>;

const ENGINES: Readonly<Record<string, Probe>> = {
  namespace: probeNamespaceEngine,
  docker: async (context, deps) => (await import('./docker/docker.ts')).probeDockerEngine(context, deps),
};

/** What `auto` tries: a Docker engine that answers is what a user has set up; the embedded one is always there. */
const AUTOMATIC = ['docker', 'namespace'];

/**
 * The engine that the settings ask for (`namespace`, `docker`, `docker:<host>`), or the first that works here. Failures:
 * `engine/unknown` and the engines' own.
 */
export async function selectEngine(
  context: Context,
  store: EngineStore,
  options: EngineOptions = {},
): Promise<Result<Engine>> {
  const deps = {
    ...{ store, volume: (name: string) => store.volume(name), scratch: join(store.folder, 'tmp') },
    ...options,
  };
  const wanted = context.settings.engine;
  if (wanted === 'auto') return firstThatWorks(context, deps);
  const name = wanted.startsWith('docker:') ? 'docker' : wanted;
  const probe = Object.hasOwn(ENGINES, name) ? ENGINES[name] : undefined;
  return probe === undefined ? err(unknownEngine(wanted)) : probe(context, deps);
}

/** The outcome of the last one when none works, with the reasons of the others. */
async function firstThatWorks(context: Context, deps: Deps): Promise<Result<Engine>> {
  let outcome: Result<Engine> | undefined;
  for (const name of AUTOMATIC) {
    const next = await (ENGINES[name] as Probe)(context, deps);
    if (next.ok || context.signal.aborted) return next;
    const before = outcome === undefined || outcome.ok ? [] : [outcome.error];
    outcome = err({ ...next.error, also: [...(next.error.also ?? []), ...before] });
  }
  return outcome as Result<Engine>;
}

function unknownEngine(name: string) {
  const known = ['auto', ...Object.keys(ENGINES)].map((one) => `\`${one}\``).join(', ');
  return {
    code: 'engine/unknown',
    what: `There is no engine "${name}".`,
    fix: [`Choose one of ${known}, or \`docker:<host>\`.`],
  } as const;
}
