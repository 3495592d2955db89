import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Result } from '../domain/result.ts';
import type { Store } from '../store/store.ts';
import { ahead } from './ahead.ts';
import { compressPiece } from './gzip-pieces.ts';
import { Refusal, refusable, truncated } from './refusal.ts';
import { type Piece, readPiece } from './tar-pieces.ts';

/** Incremented when the compressed bytes of the same content change. */
const VERSION = 1;

const FILE = 'compressed';

/**
 * The compressed bytes of pieces that are expected to be the same again: an entry of the store, named by the digest of the
 * content. All of them are read, and what the store has is compared with its manifest; only compressing is left out.
 */
export async function* lastingBytes(
  store: Store,
  pieces: () => Iterable<Piece>,
  add: (raw: Buffer) => void,
  signal: AbortSignal = new AbortController().signal,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  for await (const raw of ahead(pieces(), readPiece)) {
    hash.update(raw);
    add(raw);
  }
  const content = hash.digest('hex');
  const entry = await store.obtain<null>(
    'builds',
    { what: 'compressed files', version: VERSION, content },
    (folder) => compressAll(join(folder, FILE), pieces(), content, signal),
    { signal },
  );
  if (!entry.ok) throw new Refusal(entry.error);
  const sound = await store.verify(entry.value.folder);
  if (!sound.ok) throw new Refusal(sound.error);
  yield* createReadStream(join(entry.value.folder, FILE), { highWaterMark: 1 << 20 });
}

/** A failure where the content is not what was read before: what is kept is used for other archives, too. */
function compressAll(
  file: string,
  pieces: Iterable<Piece>,
  content: string,
  signal: AbortSignal,
): Promise<Result<null>> {
  return refusable(file, async () => {
    const hash = createHash('sha256');
    const compressed = async function* (): AsyncGenerator<Buffer> {
      const work = async (piece: Piece) => {
        const raw = await readPiece(piece);
        return { raw, bytes: await compressPiece(raw) };
      };
      for await (const { raw, bytes } of ahead(pieces, work)) {
        hash.update(raw);
        yield bytes;
      }
    };
    const source = Readable.from(compressed(), { objectMode: false });
    await pipeline(source, createWriteStream(file, { flags: 'wx' }), { signal });
    if (hash.digest('hex') !== content) {
      throw new Refusal(truncated(file, 'The files changed while they were packed.'));
    }
    return null;
  });
}
