import { deflateSync, inflateSync } from 'node:zlib';
import { defined } from '../domain/defined.ts';
import type { LinkedCrate } from '../domain/linked-crates.ts';

/** The section that cargo-auditable writes and scanners read (auditable-serde, version 0.8). */
export const AUDITABLE_SECTION = '.dep-v0';

export interface AuditablePackage {
  readonly name: string;
  readonly version: string;
  readonly source: string;
  /** Absent: at run time. */
  readonly kind?: 'build';
  /** Positions in the list. */
  readonly dependencies?: readonly number[];
  readonly root?: true;
}

/** The crates as cargo-auditable writes them: JSON, compressed with zlib. */
export function writeAuditable(crates: readonly LinkedCrate[]): Buffer {
  const packages = crates.map(
    ({ name, version, source, kind, dependencies, root }): AuditablePackage => ({
      ...{ name, version, source: sourceOf(source) },
      ...(kind === 'build' ? { kind } : {}),
      ...(dependencies.length === 0 ? {} : { dependencies }),
      ...defined({ root }),
    }),
  );
  return deflateSync(Buffer.from(JSON.stringify({ packages })), { level: 9 });
}

/** Bytes that it may have unpacked: a file of anyone's may state anything. */
const LARGEST = 64 * 2 ** 20;

/** Reads them back; undefined where the bytes are something else. */
export function readAuditable(section: Uint8Array): readonly AuditablePackage[] | undefined {
  try {
    const text = inflateSync(section, { maxOutputLength: LARGEST }).toString('utf8');
    return (JSON.parse(text) as { readonly packages?: readonly AuditablePackage[] }).packages;
  } catch {
    return undefined;
  }
}

/** Words of cargo-auditable for where a crate comes from. */
function sourceOf(source: string | undefined): string {
  if (source === undefined) return 'local';
  if (source.startsWith('git+')) return 'git';
  return /[/.]crates\.io(?:-index)?\b/.test(source) ? 'crates.io' : 'registry';
}
