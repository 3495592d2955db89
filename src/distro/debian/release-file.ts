import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defined } from '../../domain/defined.ts';
import type { SourceList } from '../../domain/packages.ts';

/**
 * What the signed file of a suite says that apt has fetched and checked into a folder: its date, and its digest, by which it can be
 * found again. Undefined: there is none.
 */
export async function readRelease(folder: string): Promise<Pick<SourceList, 'dated' | 'digest'> | undefined> {
  const name = (await readdir(folder)).find((file) => /_(?:In)?Release$/.test(file));
  if (name === undefined) return undefined;
  const text = await readFile(join(folder, name));
  const date = /^Date: (.+)$/m.exec(text.toString('latin1'))?.[1];
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}` as const;
  return { digest, ...defined({ dated: date === undefined ? undefined : timeOf(date) }) };
}

/** `Sat, 15 Nov 2025 10:00:00 UTC` → ISO 8601. */
function timeOf(date: string): string | undefined {
  const time = Date.parse(date);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}
