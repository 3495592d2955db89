import { toCycloneDx } from './cyclonedx.ts';
import type { Documents } from './embed.ts';
import { type Component, SBOM_FILES, SBOM_FORMATS, type Sbom } from './model.ts';
import { toSpdx } from './spdx.ts';

/** Both documents, as they are written. */
export function documentsOf(sbom: Sbom): Documents {
  const text = (document: object): string => `${JSON.stringify(document, null, 1)}\n`;
  return { cyclonedx: text(toCycloneDx(sbom)), spdx: text(toSpdx(sbom)) };
}

/** Folder of the licence texts, beside the documents. */
const LICENCES = 'licenses';

/** All files for `share/doc/<name>`: path → text. */
export function documentFiles(sbom: Sbom, documents: Documents): ReadonlyMap<string, string> {
  const files = new Map<string, string>(
    SBOM_FORMATS.map((format) => [SBOM_FILES[format], documents[format]]),
  );
  const rows: string[] = [];
  const folders = new Set<string>();
  for (const one of [sbom.program, ...sbom.components]) {
    if (one.place !== 'inside' && one.place !== 'beside') continue;
    const folder = unique(folders, `${one.name}-${one.version}`.replaceAll(/[^A-Za-z0-9.+_-]+/g, '_'));
    const texts = one.texts ?? [];
    for (const { name, text } of texts) files.set(`${LICENCES}/${folder}/${name}`, text);
    rows.push(rowOf(one, texts.length === 0 ? '—' : `\`${LICENCES}/${folder}/\``));
  }
  files.set('LICENSES.md', `${TABLE_HEAD}${rows.join('')}`);
  return files;
}

const TABLE_HEAD = `# What is inside, and its licences

| component | version | licence | texts |
| --- | --- | --- | --- |
`;

function rowOf({ name, version, licence }: Component, texts: string): string {
  return `| ${name} | ${version} | ${licence ?? 'not stated in a known form'} | ${texts} |\n`;
}

function unique(taken: Set<string>, wanted: string): string {
  let name = wanted;
  for (let number = 2; taken.has(name); number += 1) name = `${wanted}-${number}`;
  taken.add(name);
  return name;
}
