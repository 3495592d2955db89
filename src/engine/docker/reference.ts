import type { Digest } from '../../domain/ids.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';

/** An image in a registry: `host[:port]/path[:tag][@sha256:…]`. Source: OCI distribution specification, "Pulling manifests". */
export interface Reference {
  /** With its port, where one is given. */
  readonly host: string;
  readonly path: string;
  readonly tag: string;
  /** What exactly is meant; goes before the tag. */
  readonly digest?: Digest;
}

const FORM =
  /^([a-zA-Z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?)\/([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(\w[\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/;

/** Reads a reference. There is no registry of last resort: the host is always named. Failure: `usage/reference`. */
export function parseReference(text: string): Result<Reference> {
  const [, host, path, tag = 'latest', digest] = FORM.exec(text) ?? [];
  // As Docker distinguishes a host from the first part of a path.
  const named = host !== undefined && (/[.:]/.test(host) || host === 'localhost');
  if (!named || path === undefined) return err(badReference(text));
  return ok({ host, path, tag, ...(digest === undefined ? {} : { digest: digest as Digest }) });
}

export function formatReference({ host, path, tag, digest }: Reference): string {
  return `${host}/${path}:${tag}${digest === undefined ? '' : `@${digest}`}`;
}

function badReference(text: string): Failure {
  return {
    code: 'usage/reference',
    what: `"${text}" does not name an image in a registry.`,
    fix: ['Write it as `host[:port]/path[:tag]`, with the host; for one certain image `…@sha256:<digest>`.'],
  };
}
