import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Context, Settings } from '../../domain/context.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { type Failure, interrupted } from '../../failure.ts';
import { type Address, formatAddress, parseAddress, readTls } from './address.ts';
import { currentContext } from './context-file.ts';
import { noneFound } from './failures.ts';
import { type Contact, contact, type Server } from './server.ts';

/** What one way to find an engine came to. */
export type Finding =
  | { readonly strategy: string; readonly state: 'not-applicable'; readonly why: string }
  | { readonly strategy: string; readonly state: 'works'; readonly address: string; readonly server: Server }
  | {
      readonly strategy: string;
      readonly state: 'failed';
      readonly address?: string;
      readonly failure: Failure;
    };

/** Where a strategy would have us look, or why it does not apply. */
type Located = { readonly address: Address } | { readonly why: string };

interface Strategy {
  readonly name: string;
  /** The user named this engine: when it fails, another one is not what they want. */
  readonly named: boolean;
  readonly locate: (settings: Settings) => Result<Located>;
}

/** In the order in which they count: what is named first, then the usual sockets. */
const STRATEGIES: readonly Strategy[] = [
  { name: '--engine docker:<host>', named: true, locate: explicitHost },
  { name: 'DOCKER_HOST', named: true, locate: dockerHost },
  { name: 'Docker context', named: true, locate: dockerContext },
  socketStrategy('Docker, for all of the machine', () => ['/var/run/docker.sock']),
  socketStrategy('Docker, rootless', ({ docker: { runtimeDir, home } }) => [
    ...(runtimeDir === undefined ? [] : [join(runtimeDir, 'docker.sock')]),
    join(home, '.docker', 'run', 'docker.sock'),
    join(home, '.docker', 'desktop', 'docker.sock'),
  ]),
  socketStrategy('Podman, rootless', ({ docker: { runtimeDir } }) =>
    runtimeDir === undefined ? [] : [join(runtimeDir, 'podman', 'podman.sock')],
  ),
  socketStrategy('Podman, for all of the machine', () => ['/run/podman/podman.sock']),
];

/** Prefix of an engine setting that names a host. */
const EXPLICIT = 'docker:';

/**
 * The first engine that answers. With `docker` asked for by name, the failure of an engine that the user named
 * (`--engine docker:<host>`, DOCKER_HOST, a context) is the outcome; `auto` goes on to the next. Failures: those of
 * `contact`, `engine/docker-host`, `-context`, `-not-found`.
 */
export async function findEngine(context: Context): Promise<Result<Contact>> {
  const { settings, signal } = context;
  const failures: Failure[] = [];
  const looked: string[] = [];
  for (const strategy of STRATEGIES) {
    if (signal.aborted) return err(interrupted());
    const tried = await tryStrategy(strategy, settings, signal);
    if ('contact' in tried) return ok(tried.contact);
    if ('why' in tried) {
      looked.push(`${strategy.name}: ${tried.why}`);
      continue;
    }
    if (strategy.named && settings.engine !== 'auto') return err(tried.failure);
    failures.push(tried.failure);
  }
  const [first, ...others] = failures;
  if (first === undefined) return err(noneFound(looked));
  return err(others.length === 0 ? first : { ...first, also: others });
}

/** Tries every strategy, for `provision doctor`. */
export async function surveyEngines(context: Context): Promise<readonly Finding[]> {
  return Promise.all(
    STRATEGIES.map(async (strategy): Promise<Finding> => {
      const { name } = strategy;
      const tried = await tryStrategy(strategy, context.settings, context.signal);
      if ('why' in tried) return { strategy: name, state: 'not-applicable', why: tried.why };
      if ('failure' in tried) return { strategy: name, state: 'failed', ...tried };
      using found = tried.contact;
      return { strategy: name, state: 'works', address: formatAddress(found.address), server: found.server };
    }),
  );
}

type Tried =
  | { readonly why: string }
  | { readonly contact: Contact }
  | { readonly address?: string; readonly failure: Failure };

async function tryStrategy(strategy: Strategy, settings: Settings, signal: AbortSignal): Promise<Tried> {
  const located = strategy.locate(settings);
  if (!located.ok) return { failure: located.error };
  if ('why' in located.value) return located.value;
  const { address } = located.value;
  const found = await contact(address, signal);
  return found.ok ? { contact: found.value } : { address: formatAddress(address), failure: found.error };
}

function explicitHost({ engine, docker }: Settings): Result<Located> {
  if (!engine.startsWith(EXPLICIT)) return ok({ why: 'No host is named.' });
  return hostWithTls(engine.slice(EXPLICIT.length), docker.tlsVerify, docker.certPath);
}

function dockerHost({ docker: { host, tlsVerify, certPath } }: Settings): Result<Located> {
  return host === undefined ? ok({ why: 'It is not set.' }) : hostWithTls(host, tlsVerify, certPath);
}

/** As Docker's client has it: without DOCKER_TLS_VERIFY a tcp connection is plain. */
function hostWithTls(host: string, verify: boolean, certPath: string): Result<Located> {
  const tls = verify ? readTls(certPath, true) : ok(undefined);
  if (!tls.ok) return tls;
  const address = parseAddress(host, tls.value);
  return address.ok ? ok({ address: address.value }) : address;
}

function dockerContext({ docker }: Settings): Result<Located> {
  if (docker.host !== undefined && docker.context === undefined)
    return ok({ why: 'DOCKER_HOST goes before it.' });
  const found = currentContext(docker);
  if (!found.ok) return found;
  return ok(
    found.value === undefined
      ? { why: 'None but the default one is chosen.' }
      : { address: found.value.address },
  );
}

function socketStrategy(name: string, sockets: (settings: Settings) => readonly string[]): Strategy {
  return {
    name,
    named: false,
    locate: (settings) => {
      const candidates = sockets(settings);
      const socket = candidates.find((path) => existsSync(path));
      if (socket !== undefined) return ok({ address: { kind: 'unix', socket } });
      return ok({
        why: candidates.length === 0 ? 'XDG_RUNTIME_DIR is not set.' : `No ${candidates.join(', ')}.`,
      });
    },
  };
}
