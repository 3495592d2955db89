import type { Failure } from '../failure.ts';
import { defined } from './defined.ts';
import { err, ok, type Result } from './result.ts';

/** A repository of an OCI registry that entries of stores are shared in. */
export interface CacheAddress {
  /** As it is written: `oci://host[:port]/path`. */
  readonly text: string;
  /** With its port, where one is given. */
  readonly host: string;
  readonly path: string;
  /** `true`: HTTP, `false`: HTTPS; absent: HTTPS, but for the loopback. */
  readonly plain?: boolean;
}

/** The path is a name of the OCI distribution specification ("Pulling manifests"). */
const FORM =
  /^oci(?:\+(https?))?:\/\/([a-zA-Z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?)\/([a-z0-9]+(?:(?:\.|_|__|-+|\/)[a-z0-9]+)*)$/;

/** Whether a text is meant as an address; a folder otherwise. */
export function looksLikeAddress(text: string): boolean {
  return text.includes('://');
}

/** Failure: `usage/cache`. `where` is where it is written. */
export function parseCacheAddress(text: string, where: string): Result<CacheAddress> {
  const [, scheme, host, path] = FORM.exec(text) ?? [];
  if (host === undefined || path === undefined) return err(badAddress(text, where));
  const plain = scheme === undefined ? undefined : scheme === 'http';
  return ok({ text, host, path, ...defined({ plain }) });
}

function badAddress(text: string, where: string): Failure {
  return {
    code: 'usage/cache',
    what: `${where} does not name a repository of a registry: "${text}".`,
    fix: [
      'Write `oci://host[:port]/path`, in lower case, without tag; `oci+http://…` where the registry has no TLS.',
    ],
  };
}
