import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAsUndefined } from '../domain/errno.ts';

/** Names and versions of the packages in a folder, from their metadata (core metadata specifications). */
export async function installedPackages(
  site: string,
): Promise<readonly { readonly name: string; readonly version: string }[]> {
  const found = [];
  for (const folder of await metadataFolders(site)) {
    const metadata = await readFile(join(site, folder, 'METADATA'), 'utf8').catch(absentAsUndefined);
    const head = metadata?.split(/\r?\n\r?\n/)[0] ?? '';
    const name = /^Name:\s*(\S+)/m.exec(head)?.[1];
    const version = /^Version:\s*(\S+)/m.exec(head)?.[1];
    if (name !== undefined && version !== undefined) found.push({ name, version });
  }
  return found;
}

async function metadataFolders(site: string): Promise<readonly string[]> {
  const names = (await readdir(site).catch(absentAsUndefined)) ?? [];
  return names.filter((name) => name.endsWith('.dist-info')).sort();
}

/** Name and version (`numpy 2.3.1`) of the package that installed a file into a folder of packages, by what each recorded. */
export async function packageOf(site: string, path: string): Promise<string | undefined> {
  for (const folder of await metadataFolders(site)) {
    const record = (await readFile(join(site, folder, 'RECORD'), 'utf8').catch(absentAsUndefined)) ?? '';
    // Comma-separated: path, digest, size; what has a comma or a quote in it is quoted.
    const recorded = record.split(/\r?\n/).map((line) => /^(?:"((?:[^"]|"")*)"|([^,]*))/.exec(line));
    if (!recorded.some((match) => (match?.[1]?.replaceAll('""', '"') ?? match?.[2]) === path)) continue;
    const [name = '', version = ''] = folder.replace(/\.dist-info$/, '').split('-');
    return `${name} ${version}`;
  }
  return undefined;
}
