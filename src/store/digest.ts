import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Digest } from '../domain/ids.ts';

/** sha256 and size in bytes of a file, read as a stream. */
export async function digestFile(file: string): Promise<{ readonly digest: Digest; readonly size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    const bytes = chunk as Buffer;
    hash.update(bytes);
    size += bytes.length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, size };
}
