import { createHash } from 'node:crypto';
import { elfSections, isElf } from './elf-sections.ts';

/** Files of an archive by their names. */
export type Files = ReadonlyMap<string, Buffer>;

/** In what two archives differ: one line for each file, and for each section of a program. */
export function bundleDifferences(given: Files, rebuilt: Files): readonly string[] {
  const names = [...new Set([...given.keys(), ...rebuilt.keys()])].sort();
  return names.flatMap((name): readonly string[] => {
    const [one, other] = [given.get(name), rebuilt.get(name)];
    if (one === undefined) return [`${name}: only in the rebuilt one`];
    if (other === undefined) return [`${name}: only in the given one`];
    if (one.equals(other)) return [];
    return isElf(one) && isElf(other)
      ? sectionDifferences(name, one, other)
      : [`${name}: ${firstByte(one, other)}`];
  });
}

function sectionDifferences(file: string, one: Buffer, other: Buffer): readonly string[] {
  const [ours, theirs] = [digests(one), digests(other)];
  const names = [...new Set([...ours.keys(), ...theirs.keys()])];
  const wrong = names.filter((name) => ours.get(name) !== theirs.get(name));
  return wrong.length === 0
    ? [`${file}: its headers, ${firstByte(one, other)}`]
    : wrong.map((name) => `${file}: section ${name}`);
}

function digests(program: Buffer): ReadonlyMap<string, string> {
  return new Map(
    elfSections(program).map(({ name, bytes }) => [name, createHash('sha256').update(bytes).digest('hex')]),
  );
}

function firstByte(one: Buffer, other: Buffer): string {
  const shortest = Math.min(one.length, other.length);
  let at = 0;
  while (at < shortest && one[at] === other[at]) at += 1;
  const sizes =
    one.length === other.length ? `${one.length} bytes` : `${one.length} and ${other.length} bytes`;
  return `from byte ${at} on (${sizes})`;
}
