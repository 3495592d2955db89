import { createHash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { Digest } from '../../domain/ids.ts';
import type { SourceEntry } from './entries.ts';

/** Content of an entry that is a file, as it was read. */
export interface Content {
  readonly digest: Digest;
  readonly size: number;
  /** The bytes, unless there are too many to keep. */
  readonly bytes?: Uint8Array;
}

/** Bytes; a file with more is read in pieces. */
const KEPT = 4 << 20;

/** Reads a file or our own text; throws the errors of the system. */
export function contentOf(entry: Extract<SourceEntry, { kind: 'file' | 'text' }>, size = 0): Content {
  if (entry.kind === 'file' && size > KEPT) return digestOf(entry.source);
  const bytes = entry.kind === 'text' ? Buffer.from(entry.text) : readFileSync(entry.source);
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, size: bytes.length, bytes };
}

/** Digest of a file, read in pieces; throws the errors of the system. */
export function digestOf(file: string): Content {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(KEPT);
  const descriptor = openSync(file, 'r');
  try {
    let size = 0;
    for (let got = readSync(descriptor, piece); got > 0; got = readSync(descriptor, piece)) {
      hash.update(piece.subarray(0, got));
      size += got;
    }
    return { digest: `sha256:${hash.digest('hex')}`, size };
  } finally {
    closeSync(descriptor);
  }
}

/** Files that decide which crates are fetched. */
const MANIFEST = /(?:^|\/)(?:Cargo\.toml|Cargo\.lock|\.cargo\/config(?:\.toml)?)$/;

/** Rust, which decides nothing about crates and licences, unless it is named as a licence is. */
function isRust(path: string): boolean {
  return (
    path.endsWith('.rs') && !/(?:^|\/)(?:licen[cs]e|copying|copyright|notice|unlicense)[^/]*$/i.test(path)
  );
}

/** Adds up the digest of all that a build sees, entry by entry in their order. */
export class SourcesDigest {
  readonly #hash = createHash('sha256');
  readonly #manifests = createHash('sha256');
  readonly #others = createHash('sha256');
  files = 0;
  bytes = 0;

  file(path: string, executable: boolean, { digest, size }: Pick<Content, 'digest' | 'size'>): void {
    this.#add([executable ? 'program' : 'file', path, digest]);
    if (MANIFEST.test(path)) this.#manifests.update(`${JSON.stringify([path, digest])}\n`);
    this.files += 1;
    this.bytes += size;
  }

  other(entry: Extract<SourceEntry, { kind: 'link' | 'folder' }>): void {
    this.#add(entry.kind === 'link' ? ['link', entry.path, entry.target] : ['folder', entry.path]);
  }

  digest(): Digest {
    return `sha256:${this.#hash.digest('hex')}`;
  }

  manifests(): Digest {
    return `sha256:${this.#manifests.digest('hex')}`;
  }

  others(): Digest {
    return `sha256:${this.#others.digest('hex')}`;
  }

  #add(fields: readonly [kind: string, path: string, ...content: string[]]): void {
    const line = `${JSON.stringify(fields)}\n`;
    this.#hash.update(line);
    if (!isRust(fields[1])) this.#others.update(line);
  }
}
