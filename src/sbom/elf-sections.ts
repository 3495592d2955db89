/** A section of a program that is not loaded when it starts: it is there to be read from the file. */
export interface NamedSection {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const SHT_PROGBITS = 1;
const SHT_STRTAB = 3;
/** Where extended numbering would begin (gABI, "Sections"). */
const SHN_LORESERVE = 0xff00;
/** What follows in the file is put at multiples of it. */
const ALIGNMENT = 8;

/** Offsets of the fields of headers for each class (gABI, "ELF Header", "Sections"). */
const FIELDS = {
  narrow: {
    shoff: 32,
    shentsize: 46,
    shnum: 48,
    shstrndx: 50,
    header: 52,
    entry: 40,
    offset: 16,
    size: 20,
    align: 32,
  },
  wide: {
    shoff: 40,
    shentsize: 58,
    shnum: 60,
    shstrndx: 62,
    header: 64,
    entry: 64,
    offset: 24,
    size: 32,
    align: 48,
  },
} as const;

class Elf {
  readonly bytes: Buffer;
  readonly wide: boolean;
  readonly #little: boolean;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.wide = bytes[4] === 2;
    this.#little = bytes[5] === 1;
  }

  get fields() {
    return this.wide ? FIELDS.wide : FIELDS.narrow;
  }

  half(at: number): number {
    return this.#little ? this.bytes.readUInt16LE(at) : this.bytes.readUInt16BE(at);
  }

  word(at: number): number {
    return this.#little ? this.bytes.readUInt32LE(at) : this.bytes.readUInt32BE(at);
  }

  /** An address or offset. */
  long(at: number): number {
    if (!this.wide) return this.word(at);
    return Number(this.#little ? this.bytes.readBigUInt64LE(at) : this.bytes.readBigUInt64BE(at));
  }

  putHalf(at: number, value: number): void {
    if (this.#little) this.bytes.writeUInt16LE(value, at);
    else this.bytes.writeUInt16BE(value, at);
  }

  putWord(at: number, value: number): void {
    if (this.#little) this.bytes.writeUInt32LE(value, at);
    else this.bytes.writeUInt32BE(value, at);
  }

  putLong(at: number, value: number): void {
    if (!this.wide) this.putWord(at, value);
    else if (this.#little) this.bytes.writeBigUInt64LE(BigInt(value), at);
    else this.bytes.writeBigUInt64BE(BigInt(value), at);
  }

  /** Where the headers of its sections are; undefined where they are not as they must be. */
  table(): { readonly at: number; readonly count: number; readonly names: number } | undefined {
    const { shoff, shentsize, shnum, shstrndx, entry } = this.fields;
    const [at, count, names] = [this.long(shoff), this.half(shnum), this.half(shstrndx)];
    if (at === 0 || count === 0) return { at: 0, count: 0, names: 0 };
    const inside = at + count * entry <= this.bytes.length && names < count;
    return inside && this.half(shentsize) === entry ? { at, count, names } : undefined;
  }

  /** The bytes of a section by the place of its header; undefined where they are outside of the file. */
  content(header: number): Buffer | undefined {
    const { offset, size } = this.fields;
    const [from, length] = [this.long(header + offset), this.long(header + size)];
    return from + length <= this.bytes.length ? this.bytes.subarray(from, from + length) : undefined;
  }
}

export function isElf(bytes: Uint8Array): boolean {
  return (
    bytes.length >= FIELDS.wide.header &&
    Buffer.from(bytes.buffer, bytes.byteOffset, 4).readUInt32BE(0) === 0x7f454c46
  );
}

/**
 * The program with further sections behind all that it has, and a new table of headers. Nothing that is loaded changes or moves.
 * Undefined where its own table cannot be read.
 */
export function addElfSections(program: Buffer, sections: readonly NamedSection[]): Buffer | undefined {
  const before = new Elf(program);
  const table = before.table();
  if (table === undefined || table.count + sections.length + 2 >= SHN_LORESERVE) return undefined;
  const { entry, offset, size, align } = before.fields;
  const old =
    table.count === 0 ? Buffer.alloc(entry) : program.subarray(table.at, table.at + table.count * entry);
  const oldNames = table.count === 0 ? Buffer.from([0]) : before.content(table.at + table.names * entry);
  if (oldNames === undefined) return undefined;
  const withNames =
    table.count === 0 ? [...sections, { name: '.shstrtab', bytes: Buffer.alloc(0) }] : sections;
  const names = Buffer.concat([oldNames, ...withNames.map(({ name }) => Buffer.from(`${name}\0`))]);
  const parts: Buffer[] = [program];
  let end = program.length;
  const append = (bytes: Uint8Array): number => {
    const gap = (ALIGNMENT - (end % ALIGNMENT)) % ALIGNMENT;
    parts.push(Buffer.alloc(gap), Buffer.from(bytes));
    const at = end + gap;
    end = at + bytes.length;
    return at;
  };
  const placed = sections.map(({ bytes }) => append(bytes));
  const namesAt = append(names);
  const count = old.length / entry + withNames.length;
  const tableAt = append(Buffer.concat([old, Buffer.alloc(withNames.length * entry)]));
  const after = new Elf(Buffer.concat(parts));
  let nameAt = oldNames.length;
  for (const [index, { name, bytes }] of withNames.entries()) {
    const header = tableAt + old.length + index * entry;
    after.putWord(header, nameAt);
    after.putWord(header + 4, SHT_PROGBITS);
    after.putLong(header + offset, placed[index] ?? namesAt);
    after.putLong(header + size, bytes.length);
    after.putLong(header + align, 1);
    nameAt += Buffer.byteLength(name) + 1;
  }
  const ownNames = table.count === 0 ? count - 1 : table.names;
  const namesHeader = tableAt + ownNames * entry;
  after.putWord(namesHeader + 4, SHT_STRTAB);
  after.putLong(namesHeader + offset, namesAt);
  after.putLong(namesHeader + size, names.length);
  const { shoff, shentsize, shnum, shstrndx } = after.fields;
  after.putLong(shoff, tableAt);
  after.putHalf(shentsize, entry);
  after.putHalf(shnum, count);
  after.putHalf(shstrndx, ownNames);
  return after.bytes;
}

/** The bytes of a section by its name; undefined where the program has none of it, or is damaged. */
export function readElfSection(program: Buffer, wanted: string): Buffer | undefined {
  return elfSections(program).find(({ name }) => name === wanted)?.bytes;
}

const SHT_NOBITS = 8;

/** All sections that have bytes in the file; none where the program is damaged. */
export function elfSections(program: Buffer): readonly { readonly name: string; readonly bytes: Buffer }[] {
  const elf = new Elf(program);
  const table = elf.table();
  if (table === undefined || table.count === 0) return [];
  const { entry } = elf.fields;
  const names = elf.content(table.at + table.names * entry);
  if (names === undefined) return [];
  return Array.from({ length: table.count }, (_, index) => table.at + index * entry).flatMap((header) => {
    const at = elf.word(header);
    const end = names.indexOf(0, at);
    const bytes = elf.word(header + 4) === SHT_NOBITS ? undefined : elf.content(header);
    if (bytes === undefined || at >= names.length) return [];
    return [{ name: names.toString('utf8', at, end < 0 ? names.length : end), bytes }];
  });
}
