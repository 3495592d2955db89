import { Parser } from 'tar/parse';
import type { ReadEntry } from 'tar/read-entry';
import { corrupt, deviceNode, Refusal, unsupported } from './refusal.ts';
import { TarHeaders } from './tar-headers.ts';

export interface TarEntry {
  readonly type: 'file' | 'hard-link' | 'symlink' | 'folder';
  /** As written in the archive. */
  readonly name: string;
  /** Target of a link, else empty. */
  readonly target: string;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  /** Bytes of content that the header declares. */
  readonly size: number;
}

/** Takes the bytes of one file, in order. */
export interface Sink {
  write(chunk: Uint8Array): void;
  end(): void;
}

/** Where the content of a file is to go; undefined: nowhere. */
export type Visitor = (entry: TarEntry) => Sink | undefined;

const TYPES: Readonly<Partial<Record<ReadEntry['type'], TarEntry['type']>>> = {
  File: 'file',
  OldFile: 'file',
  ContiguousFile: 'file',
  Link: 'hard-link',
  SymbolicLink: 'symlink',
  Directory: 'folder',
};

const DEVICES: Readonly<Partial<Record<ReadEntry['type'], string>>> = {
  CharacterDevice: 'character device',
  BlockDevice: 'block device',
  FIFO: 'named pipe',
};

/**
 * Reads a tar stream (ustar, GNU long names, pax) entry by entry; the visitor works synchronously. Throws `Refusal` for
 * anything irregular (`TarHeaders`): a checksum, a type of entry we do not know, an end without the mark of it, ….
 * Source of the format: tar(5), pax(1).
 */
export async function readTar(
  archive: string,
  source: (take: (chunk: Buffer) => void) => Promise<void>,
  visitor: Visitor,
): Promise<void> {
  const reader = new TarReader(archive, visitor);
  await source((chunk) => reader.write(chunk));
  reader.end();
}

class TarReader {
  readonly #archive: string;
  readonly #visitor: Visitor;
  readonly #headers: TarHeaders;
  readonly #parser: Parser;
  #first = true;
  #entries = 0;
  /** What the visitor threw, on its way through the parser. */
  #thrown: { readonly error: unknown } | undefined;
  #complaint: Error | undefined;

  constructor(archive: string, visitor: Visitor) {
    this.#archive = archive;
    this.#visitor = visitor;
    this.#headers = new TarHeaders(archive);
    this.#parser = new Parser({
      strict: true,
      onReadEntry: (entry) => this.#guard(() => this.#visit(entry)),
    });
    this.#parser.on('ignoredEntry', (entry: ReadEntry) => this.#guard(() => this.#refuseUnknown(entry)));
    this.#parser.on('error', (error: Error) => {
      this.#complaint ??= error;
    });
  }

  write(chunk: Buffer): void {
    if (this.#first) this.#refuseCompressed(chunk);
    this.#first = false;
    this.#headers.check(chunk);
    this.#step(() => this.#parser.write(chunk));
  }

  end(): void {
    this.#headers.end();
    this.#step(() => this.#parser.end());
  }

  #step(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (this.#thrown) throw this.#thrown.error;
      throw new Refusal(corrupt(this.#archive, 'The tar archive in it cannot be read.', [String(error)]));
    }
    const complaint = this.#complaint;
    // The parser takes an archive without any entry for none at all; its headers have been checked.
    if (!complaint || (this.#entries === 0 && complaint.message.endsWith('Unrecognized archive format')))
      return;
    throw new Refusal(corrupt(this.#archive, 'The tar archive in it cannot be read.', [complaint.message]));
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#thrown = { error };
      throw error;
    }
  }

  #visit(raw: ReadEntry): void {
    this.#entries += 1;
    const device = DEVICES[raw.type];
    if (device) throw new Refusal(deviceNode(this.#archive, raw.path, device));
    const type = TYPES[raw.type];
    if (!type) throw new Refusal(unsupported(this.#archive, `It holds an entry of type ${raw.type}.`));
    const sink = this.#visitor({
      type,
      name: raw.path,
      target: raw.linkpath ?? '',
      mode: raw.mode ?? (type === 'folder' ? 0o755 : 0o644),
      mtime: seconds(raw.mtime),
      size: raw.header.size ?? 0,
    });
    if (sink) {
      raw.on('data', (chunk: Buffer) => this.#guard(() => sink.write(chunk)));
      raw.on('end', () => this.#guard(() => sink.end()));
    } else {
      raw.resume();
    }
  }

  /** The parser skips these silently; a file of the package would be missing. */
  #refuseUnknown(entry: ReadEntry): void {
    throw new Refusal(
      unsupported(this.#archive, `It holds an entry of type ${entry.type}: ${JSON.stringify(entry.path)}.`),
    );
  }

  /** The parser would decompress once more, which no format of ours needs. */
  #refuseCompressed(bytes: Buffer): void {
    const magic = bytes.subarray(0, 4).toString('hex');
    if (magic.startsWith('1f8b') || magic === '28b52ffd') {
      throw new Refusal(corrupt(this.#archive, 'The tar archive in it is compressed twice.'));
    }
  }
}

/** Within what every file system can hold: 0 … 2^33 (year 2242). */
function seconds(date: Date | undefined): number {
  const value = date ? Math.floor(date.getTime() / 1000) : 0;
  return Number.isFinite(value) ? Math.min(Math.max(value, 0), 2 ** 33) : 0;
}
