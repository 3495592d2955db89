import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { defined } from '../domain/defined.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import { licenceExpression } from './licence.ts';
import { readListed, readSpdxListed } from './listed.ts';
import type { Component, LicenceText } from './model.ts';

/** By their names, and everything in the folder that is for them (PEP 639). */
const LICENCE = /^licenses\/|(?:^|\/)(?:LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*$/i;

/** The installed Python packages of a folder, from their metadata (core metadata specifications; PEP 639 on licences), and what is in them. */
export async function wheelComponents(site: string): Promise<readonly Component[]> {
  const names = (await readdir(site).catch(absentAsUndefined)) ?? [];
  const found: Component[] = [];
  for (const folder of names.filter((name) => name.endsWith('.dist-info')).sort()) {
    const metadata = await readFile(join(site, folder, 'METADATA'), 'utf8').catch(absentAsUndefined);
    if (metadata === undefined) continue;
    const head = metadata.split(/\r?\n\r?\n/)[0] ?? '';
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}:\\s*(\\S.*?)\\s*$`, 'm').exec(head)?.[1];
    const [name, version] = [field('Name'), field('Version')];
    if (name === undefined || version === undefined) continue;
    const purl = wheelUrl(name, version);
    const inside = (await stated(join(site, folder))).filter(({ id }) => id !== purl);
    found.push(...inside, {
      ...{ id: purl, name, version, place: 'beside', purl },
      dependencies: inside.map(({ id }) => id),
      texts: await licenceTexts(join(site, folder)),
      ...defined({
        description: field('Summary'),
        licence: licenceExpression(field('License-Expression') ?? field('License')) ?? fromClassifier(head),
      }),
    });
  }
  return found;
}

/** Libraries of others in a wheel, as its own bills of materials list them (PEP 770: `sboms/` beside its metadata). */
async function stated(folder: string): Promise<readonly Component[]> {
  const sboms = join(folder, 'sboms');
  const names = (await readdir(sboms, { recursive: true }).catch(absentAsUndefined)) ?? [];
  const all = new Map<string, Component>();
  for (const file of names.filter((name) => name.endsWith('.json')).sort()) {
    const text = await readFile(join(sboms, file), 'utf8');
    for (const { name, version, purl } of readListed(text)?.components ?? readSpdxListed(text) ?? []) {
      const id = purl ?? `pkg:generic/${encodeURIComponent(name)}@${encodeURIComponent(version)}`;
      all.set(id, { ...{ id, name, version, place: 'beside', purl: id } });
    }
  }
  return [...all.values()];
}

/** Package URL of a Python package (purl specification, type `pypi`: lower case, `-` for `_`). */
export function wheelUrl(name: string, version: string): string {
  return `pkg:pypi/${name.toLowerCase().replaceAll('_', '-')}@${encodeURIComponent(version)}`;
}

async function licenceTexts(folder: string): Promise<readonly LicenceText[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((name) => LICENCE.test(name))
    .sort();
  return Promise.all(
    names.map(async (name) => ({
      name: name.replaceAll('/', '-'),
      text: await readFile(join(folder, name), 'utf8').catch(() => ''),
    })),
  );
}

/** Trove classifiers that say which licence it is. */
const CLASSIFIERS: Readonly<Record<string, string>> = {
  'MIT License': 'MIT',
  'Apache Software License': 'Apache-2.0',
  'ISC License (ISCL)': 'ISC',
  'Mozilla Public License 2.0 (MPL 2.0)': 'MPL-2.0',
  'Python Software Foundation License': 'PSF-2.0',
};

function fromClassifier(head: string): string | undefined {
  const classifiers = [...head.matchAll(/^Classifier: License :: (?:OSI Approved :: )?(.+?)\s*$/gm)];
  const known = classifiers.map(([, name]) => CLASSIFIERS[name ?? '']);
  return known.length === 1 ? known[0] : undefined;
}
