import { createHash } from 'node:crypto';
import { Reader, readSections } from '../runtime/wasm/module.ts';
import { elfSections, isElf, type NamedSection } from './elf-sections.ts';

/** Files of an archive by their names. */
export type Files = ReadonlyMap<string, Buffer>;

/** A file of two archives that is not the same in both, or a section of a program. */
export interface Difference {
  readonly file: string;
  /** Absent: it is no program, or its headers differ alone. */
  readonly section?: string;
  /** In which way, where it is not a section. */
  readonly how?: string;
}

export function differenceText({ file, section, how }: Difference): string {
  return `${file}: ${how ?? `section ${section}`}`;
}

/** In what two archives differ: one entry for each file, and for each section of a program. */
export function bundleDifferences(given: Files, rebuilt: Files): readonly Difference[] {
  const names = [...new Set([...given.keys(), ...rebuilt.keys()])].sort();
  return names.flatMap((name): readonly Difference[] => {
    const differs = (how: string): readonly Difference[] => [{ file: name, how }];
    const [one, other] = [given.get(name), rebuilt.get(name)];
    if (one === undefined) return differs('only in the rebuilt one');
    if (other === undefined) return differs('only in the given one');
    if (one.equals(other)) return [];
    const [ours, theirs] = [digests(one), digests(other)];
    return ours === undefined || theirs === undefined
      ? differs(firstByte(one, other))
      : (sectionDifferences(name, ours, theirs) ?? differs(`its headers, ${firstByte(one, other)}`));
  });
}

/** An entry for each section that differs; undefined: none does. */
function sectionDifferences(file: string, ours: Digests, theirs: Digests): readonly Difference[] | undefined {
  const names = [...new Set([...ours.keys(), ...theirs.keys()])];
  const wrong = names.filter((name) => ours.get(name) !== theirs.get(name));
  return wrong.length === 0 ? undefined : wrong.map((section) => ({ file, section }));
}

/** Digests of a program's sections by their names. */
type Digests = ReadonlyMap<string, string>;

/** Undefined where it is no program of a known form. */
function digests(program: Buffer): Digests | undefined {
  const sections = isElf(program) ? elfSections(program) : moduleSections(program);
  if (sections === undefined) return undefined;
  const found = new Map<string, string>();
  for (const { name, bytes } of sections) {
    let key = name;
    for (let number = 2; found.has(key); number += 1) key = `${name} (${number})`;
    found.set(key, createHash('sha256').update(bytes).digest('hex'));
  }
  return found;
}

/** Names of the sections of a module by their numbers (WebAssembly core specification, 5.5.2). */
const MODULE_SECTIONS: readonly (string | undefined)[] = [
  ...[undefined, 'type', 'import', 'function', 'table', 'memory', 'global', 'export', 'start', 'element'],
  ...['code', 'data', 'datacount', 'tag'],
];

function moduleSections(program: Buffer): readonly NamedSection[] | undefined {
  return readSections(program)?.map(({ id, payload }) => ({
    name: id === 0 ? new Reader(payload).name() : (MODULE_SECTIONS[id] ?? String(id)),
    bytes: payload,
  }));
}

function firstByte(one: Buffer, other: Buffer): string {
  const shortest = Math.min(one.length, other.length);
  let at = 0;
  while (at < shortest && one[at] === other[at]) at += 1;
  const sizes =
    one.length === other.length ? `${one.length} bytes` : `${one.length} and ${other.length} bytes`;
  return `from byte ${at} on (${sizes})`;
}
