import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defined } from '../../domain/defined.ts';
import type { SourceList } from '../../domain/packages.ts';

/** What the signed file of a suite says. Times are ISO 8601. */
export interface Release extends Pick<SourceList, 'dated' | 'digest'> {
  readonly validUntil?: string;
  /** Its name in the folder of the suite: the signature is in it, or beside it. */
  readonly file: 'InRelease' | 'Release';
}

/**
 * What the signed file of a suite says that apt has fetched and checked into a folder: its date, and its digest, by which it can be
 * found again. Undefined: there is none.
 */
export async function readRelease(folder: string): Promise<Release | undefined> {
  const name = (await readdir(folder)).find((file) => /_(?:In)?Release$/.test(file));
  if (name === undefined) return undefined;
  const bytes = await readFile(join(folder, name));
  const text = bytes.toString('latin1');
  const time = (field: string): string | undefined => {
    const date = new RegExp(`^${field}: (.+)$`, 'm').exec(text)?.[1];
    return date === undefined ? undefined : timeOf(date);
  };
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as const;
  return {
    ...({ digest, file: name.endsWith('_InRelease') ? 'InRelease' : 'Release' } as const),
    ...defined({ dated: time('Date'), validUntil: time('Valid-Until') }),
  };
}

/** `Sat, 15 Nov 2025 10:00:00 UTC` → ISO 8601. */
function timeOf(date: string): string | undefined {
  const time = Date.parse(date);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}
