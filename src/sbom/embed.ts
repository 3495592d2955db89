import { gunzipSync, gzipSync } from 'node:zlib';
import { defined } from '../domain/defined.ts';
import type { LinkedCrate } from '../domain/linked-crates.ts';
import { name as nameOf, Reader, readSections, writeSections } from '../runtime/wasm/module.ts';
import { AUDITABLE_SECTION, type AuditablePackage, readAuditable, writeAuditable } from './auditable.ts';
import { addElfSections, isElf, type NamedSection, readElfSection } from './elf-sections.ts';
import { SBOM_FORMATS, type SbomFormat } from './model.ts';

/** Sections of the whole SBOM, one for each format: the document, compressed with gzip. */
const SECTIONS: Readonly<Record<SbomFormat, string>> = { cyclonedx: '.sbom.cdx', spdx: '.sbom.spdx' };

/** Number of custom sections in WebAssembly (core specification, 5.5.3). */
const CUSTOM = 0;
/** Bytes that a document may have unpacked. */
const LARGEST = 256 * 2 ** 20;

/** The text of each document. */
export type Documents = Readonly<Record<SbomFormat, string>>;

/**
 * The program with its crates and the documents in sections of their own, which are not loaded when it starts. Undefined where it
 * is neither an ELF file nor a module of WebAssembly, or cannot be read.
 */
export function embedSbom(
  program: Buffer,
  crates: readonly LinkedCrate[],
  documents: Documents,
): Buffer | undefined {
  const sections: readonly NamedSection[] = [
    { name: AUDITABLE_SECTION, bytes: writeAuditable(crates) },
    ...SBOM_FORMATS.map((format) => ({
      name: SECTIONS[format],
      bytes: gzipSync(documents[format], { level: 9 }),
    })),
  ];
  if (isElf(program)) return addElfSections(program, sections);
  const own = readSections(program);
  if (own === undefined) return undefined;
  const added = sections.map(({ name, bytes }) => ({
    id: CUSTOM,
    payload: Buffer.concat([Buffer.from(nameOf(name)), bytes]),
  }));
  return Buffer.from(writeSections([...own, ...added]));
}

export interface EmbeddedSbom {
  readonly documents: Partial<Documents>;
  /** Of `.dep-v0`. */
  readonly crates?: readonly AuditablePackage[];
  /** Sections that are there and cannot be read. */
  readonly damaged: readonly string[];
}

/** What a program says of its own contents. */
export function readEmbedded(program: Buffer): EmbeddedSbom {
  const documents: Partial<Record<SbomFormat, string>> = {};
  const damaged: string[] = [];
  for (const format of SBOM_FORMATS) {
    const section = readSection(program, SECTIONS[format]);
    if (section === undefined) continue;
    const text = unpack(section, format);
    if (text === undefined) damaged.push(SECTIONS[format]);
    else documents[format] = text;
  }
  const section = readSection(program, AUDITABLE_SECTION);
  const crates = section === undefined ? undefined : readAuditable(section);
  if (section !== undefined && crates === undefined) damaged.push(AUDITABLE_SECTION);
  return { documents, damaged, ...defined({ crates }) };
}

function readSection(program: Buffer, wanted: string): Buffer | undefined {
  if (isElf(program)) return readElfSection(program, wanted);
  for (const { id, payload } of readSections(program) ?? []) {
    if (id !== CUSTOM) continue;
    const reader = new Reader(payload);
    if (reader.name() === wanted) return Buffer.from(payload.subarray(reader.at));
  }
  return undefined;
}

/** By which each of the documents is known. */
const MARKS: Readonly<Record<SbomFormat, string>> = { cyclonedx: 'bomFormat', spdx: 'spdxVersion' };

function unpack(section: Buffer, format: SbomFormat): string | undefined {
  try {
    const text = gunzipSync(section, { maxOutputLength: LARGEST }).toString('utf8');
    return typeof JSON.parse(text)?.[MARKS[format]] === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}
