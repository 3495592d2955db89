import type { CacheAddress } from '../domain/cache-address.ts';
import { formatBytes } from '../domain/units.ts';
import { RegistryError } from '../engine/docker/registry.ts';
import type { Event } from '../events.ts';

type Notice = Extract<Event, { type: 'notice' }>;

function warning(code: string, message: string): Notice {
  return { type: 'notice', level: 'warning', code, message };
}

function info(code: string, message: string): Notice {
  return { type: 'notice', level: 'info', code, message };
}

/** The registry does not answer, or not as it should: it is not asked again in this run. */
export function notAsked({ text, host }: CacheAddress, cause: Error): Notice {
  const { message } = cause;
  const made = 'What is not in the store of this machine is made here.';
  if (!(cause instanceof RegistryError))
    return warning('cache/unreachable', `The shared store ${text} cannot be reached: ${message}. ${made}`);
  if (cause.status === 401 || cause.status === 403) {
    const login = `\`docker login ${host}\` keeps a login that is used here.`;
    return warning('cache/login', `The shared store ${text} asks for a login: ${message} ${login} ${made}`);
  }
  return warning('cache/refused', `The shared store ${text} refuses: ${message} ${made}`);
}

export function notUsed({ text }: CacheAddress, tag: string, why: string): Notice {
  return warning('cache/not-used', `${tag} of ${text} is not used: ${why}. It is made here.`);
}

export function moreNotUsed({ text }: CacheAddress, count: number): Notice {
  return warning('cache/not-used', `${count} more of ${text} are not used, for such reasons.`);
}

export function noKeys({ text }: CacheAddress): Notice {
  return warning(
    'cache/no-keys',
    `Nothing is taken from the shared store ${text}: no key is trusted. Name public keys in PROVISION_TRUSTED_KEYS.`,
  );
}

export interface Pulled {
  readonly entries: number;
  readonly results: number;
  /** Of the entries, compressed. */
  readonly bytes: number;
}

export function pulled({ text }: CacheAddress, { entries: count, results, bytes }: Pulled): Notice {
  const also = results === 0 ? '' : `, ${results} result${results === 1 ? '' : 's'}`;
  return info('cache/pulled', `Taken from ${text}: ${entries(count)}${also}, ${formatBytes(bytes)}.`);
}

export function pushed({ text }: CacheAddress, count: number, bytes: number, there: number): Notice {
  return info(
    'cache/pushed',
    `Pushed to ${text}: ${entries(count)}, ${formatBytes(bytes)}; ${there} were there already.`,
  );
}

export function notPushed({ text }: CacheAddress, tags: readonly string[], cause: string): Notice {
  const named =
    tags.length > 3 ? `${tags.slice(0, 3).join(', ')} and ${tags.length - 3} more` : tags.join(', ');
  return warning('cache/not-pushed', `Not pushed to ${text}: ${named}. ${cause}`);
}

/** Another machine is making an entry. */
export function waiting({ text }: CacheAddress, tag: string, mostMs: number): Notice {
  const minutes = Math.ceil(mostMs / 60_000);
  return info(
    'cache/waiting',
    `Another machine is making ${tag} of ${text}: waiting for it, for ${minutes} min at most. If it stops, it is made here.`,
  );
}

function entries(count: number): string {
  return count === 1 ? '1 entry' : `${count} entries`;
}
