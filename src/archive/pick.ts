import { Parser } from 'tar';
import { ok, type Result } from '../domain/result.ts';
import { readContent, type TarStretch } from './content.ts';
import { corrupt, Refusal, refusable } from './refusal.ts';

/** What a tar archive holds, as far as it is asked for. */
export interface Picked {
  /** Names of all files and links, without `./`. */
  readonly names: readonly string[];
  /** The wanted files by name. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Bytes that a file may have to be picked, where nothing else is said. */
const LARGEST = 4 * 2 ** 20;

/** Lists an archive and reads some of its files, without unpacking anything. Failures: those of unpacking. */
export async function pickFiles(
  archive: string,
  { range, compression }: TarStretch,
  wanted: (name: string) => boolean,
  signal: AbortSignal,
  largest = LARGEST,
): Promise<Result<Picked>> {
  const names: string[] = [];
  const files = new Map<string, Buffer>();
  const parser = new Parser({
    onReadEntry: (entry) => {
      const name = entry.path.replace(/^\.\//, '');
      if (entry.type !== 'Directory') names.push(name);
      if (entry.type !== 'File' || entry.size > largest || !wanted(name)) {
        entry.resume();
        return;
      }
      const chunks: Buffer[] = [];
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      entry.on('end', () => files.set(name, Buffer.concat(chunks)));
    },
  });
  parser.on('error', (error: Error) => {
    throw new Refusal(corrupt(archive, error.message));
  });
  const read = await refusable(archive, async () => {
    await readContent(archive, range, compression, signal, (chunk) => {
      parser.write(chunk);
    });
    parser.end();
  });
  if (!read.ok) return read;
  return ok({ names: names.sort(), files });
}
