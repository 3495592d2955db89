import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAsUndefined } from '../domain/errno.ts';

/** Names and versions of the packages in a folder, from their metadata (core metadata specifications). */
export async function installedPackages(
  site: string,
): Promise<readonly { readonly name: string; readonly version: string }[]> {
  const folders = ((await readdir(site).catch(absentAsUndefined)) ?? [])
    .filter((name) => name.endsWith('.dist-info'))
    .sort();
  const found = [];
  for (const folder of folders) {
    const metadata = await readFile(join(site, folder, 'METADATA'), 'utf8').catch(absentAsUndefined);
    const head = metadata?.split(/\r?\n\r?\n/)[0] ?? '';
    const name = /^Name:\s*(\S+)/m.exec(head)?.[1];
    const version = /^Version:\s*(\S+)/m.exec(head)?.[1];
    if (name !== undefined && version !== undefined) found.push({ name, version });
  }
  return found;
}
