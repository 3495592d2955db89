import { type FileHandle, open } from 'node:fs/promises';
import { defined } from '../domain/defined.ts';

/** The headers and the dynamic section of an ELF file. Source of all numbers: elf(5) and the gABI. */
export interface ElfFile {
  /** `e_machine`. */
  readonly machine: number;
  readonly bits: 32 | 64;
  readonly endianness: 'little' | 'big';
  readonly interpreter?: string;
  readonly soname?: string;
  /** DT_NEEDED, in order. */
  readonly needed: readonly string[];
  readonly rpath?: string;
  readonly runpath?: string;
  /** Library → the symbol versions that the file needs of it, e.g. `libc.so.6` → `GLIBC_2.17`, `GLIBC_2.34`. */
  readonly versions: Readonly<Record<string, readonly string[]>>;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_STRSZ = 10;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;
const DT_VERSYM = 0x6ffffff0;
const DT_VERNEED = 0x6ffffffe;
const DT_VERNEEDNUM = 0x6fffffff;

/** Upper bound for headers, names and tables: a damaged file may state any size. */
const LARGEST = 64 * 2 ** 20;

/** Reads an ELF file of any machine. Undefined for a file that is not ELF, is truncated or is inconsistent. */
export function readElf(path: string): Promise<ElfFile | undefined> {
  return readWith(path, (reader) => reader.read());
}

/** Symbol versions that a file asks for → the symbols that it asks for in them. Undefined as for `readElf`. */
export function readWantedSymbols(path: string): Promise<ReadonlyMap<string, readonly string[]> | undefined> {
  return readWith(path, (reader) => reader.wantedSymbols());
}

async function readWith<T>(
  path: string,
  read: (reader: Reader) => Promise<T | undefined>,
): Promise<T | undefined> {
  const file = await open(path);
  try {
    return await read(new Reader(file, (await file.stat()).size));
  } catch (error) {
    if (error instanceof Damaged || error instanceof RangeError) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

class Damaged extends Error {}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

class Reader {
  readonly #file: FileHandle;
  readonly #size: number;
  #wide = false;
  #little = true;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  async read(): Promise<ElfFile | undefined> {
    const head = await this.#header();
    if (head === undefined) return undefined;
    const segments = await this.#segments(head);
    const interp = segments.find(({ type }) => type === PT_INTERP);
    const interpreter = interp === undefined ? undefined : await this.#text(interp.offset, interp.size);
    return {
      machine: this.#half(head, 18),
      bits: this.#wide ? 64 : 32,
      endianness: this.#little ? 'little' : 'big',
      ...defined({ interpreter }),
      ...(await this.#dynamic(segments)),
    };
  }

  async #header(): Promise<Buffer | undefined> {
    if (this.#size < 52) return undefined;
    const ident = await this.#bytes(0, 16);
    if (ident.readUInt32BE(0) !== 0x7f454c46) return undefined;
    this.#wide = ident[4] === 2;
    this.#little = ident[5] === 1;
    return this.#bytes(0, this.#wide ? 64 : 52);
  }

  async wantedSymbols(): Promise<ReadonlyMap<string, readonly string[]> | undefined> {
    const head = await this.#header();
    if (head === undefined) return undefined;
    const segments = await this.#segments(head);
    const segment = segments.find(({ type }) => type === PT_DYNAMIC);
    const tags = segment === undefined ? [] : this.#tags(await this.#bytes(segment.offset, segment.size));
    const at = (tag: number): number | undefined => {
      const address = tags.find(([name]) => name === tag)?.[1];
      return address === undefined ? undefined : fileOffset(segments, address);
    };
    const [texts, symbols, indexes, needed] = [at(DT_STRTAB), at(DT_SYMTAB), at(DT_VERSYM), at(DT_VERNEED)];
    const wanted = new Map<string, string[]>();
    if (texts === undefined || symbols === undefined || indexes === undefined || needed === undefined)
      return wanted;
    const names = await this.#bytes(texts, tags.find(([name]) => name === DT_STRSZ)?.[1] ?? 0);
    const versions = new Map<number, string>();
    const count = tags.find(([name]) => name === DT_VERNEEDNUM)?.[1] ?? 0;
    await this.#eachNeed(needed, count, (_library, one) => {
      versions.set(this.#half(one, 6), textAt(names, this.#word(one, 8)));
    });
    const size = this.#wide ? 24 : 16;
    // No tag says how many symbols there are: linkers put the next table right behind them.
    const end = Math.min(...[texts, indexes, needed].filter((table) => table > symbols));
    const many = Math.floor((end - symbols) / size);
    const [table, index] = [await this.#bytes(symbols, many * size), await this.#bytes(indexes, many * 2)];
    for (let number = 0; number < many; number += 1) {
      // The highest bit says that the symbol is hidden.
      const version = versions.get(this.#half(index, number * 2) & 0x7fff);
      if (version === undefined) continue;
      const name = textAt(names, this.#word(table, number * size));
      wanted.set(version, [...(wanted.get(version) ?? []), name]);
    }
    return wanted;
  }

  async #segments(head: Buffer): Promise<readonly Segment[]> {
    const wide = this.#wide;
    const offset = wide ? this.#long(head, 32) : this.#word(head, 28);
    const size = this.#half(head, wide ? 54 : 42);
    const count = this.#half(head, wide ? 56 : 44);
    const table = await this.#bytes(offset, size * count);
    return Array.from({ length: count }, (_, index) => {
      const at = index * size;
      return wide
        ? {
            type: this.#word(table, at),
            offset: this.#long(table, at + 8),
            address: this.#long(table, at + 16),
            size: this.#long(table, at + 32),
          }
        : {
            type: this.#word(table, at),
            offset: this.#word(table, at + 4),
            address: this.#word(table, at + 8),
            size: this.#word(table, at + 16),
          };
    });
  }

  async #dynamic(
    segments: readonly Segment[],
  ): Promise<Pick<ElfFile, 'soname' | 'needed' | 'rpath' | 'runpath' | 'versions'>> {
    const segment = segments.find(({ type }) => type === PT_DYNAMIC);
    if (segment === undefined) return { needed: [], versions: {} };
    const tags = this.#tags(await this.#bytes(segment.offset, segment.size));
    const one = (tag: number): number | undefined => tags.find(([name]) => name === tag)?.[1];
    const table = one(DT_STRTAB);
    if (table === undefined) return { needed: [], versions: {} };
    const names = await this.#bytes(fileOffset(segments, table), one(DT_STRSZ) ?? 0);
    const named = (tag: number): string | undefined => {
      const at = one(tag);
      return at === undefined ? undefined : textAt(names, at);
    };
    const verneed = one(DT_VERNEED);
    return {
      ...optional('soname', named(DT_SONAME)),
      needed: tags.flatMap(([tag, value]) => (tag === DT_NEEDED ? [textAt(names, value)] : [])),
      ...optional('rpath', named(DT_RPATH)),
      ...optional('runpath', named(DT_RUNPATH)),
      versions:
        verneed === undefined
          ? {}
          : await this.#versions(fileOffset(segments, verneed), one(DT_VERNEEDNUM) ?? 0, names),
    };
  }

  #tags(table: Buffer): readonly (readonly [number, number])[] {
    const width = this.#wide ? 8 : 4;
    const tags: (readonly [number, number])[] = [];
    for (let at = 0; at + 2 * width <= table.length; at += 2 * width) {
      const tag = this.#address(table, at);
      if (tag === DT_NULL) break;
      tags.push([tag, this.#address(table, at + width)]);
    }
    return tags;
  }

  /** `Verneed` and `Vernaux` records: the same layout in both classes (LSB Core, "Symbol Versioning"). */
  async #eachNeed(
    offset: number,
    count: number,
    see: (library: number, need: Buffer) => void,
  ): Promise<void> {
    let at = offset;
    for (let index = 0; index < count; index += 1) {
      const record = await this.#bytes(at, 16);
      let next = at + this.#word(record, 8);
      for (let left = this.#half(record, 2); left > 0; left -= 1) {
        const one = await this.#bytes(next, 16);
        see(this.#word(record, 4), one);
        next += this.#word(one, 12);
      }
      at += this.#word(record, 12);
    }
  }

  async #versions(offset: number, count: number, names: Buffer): Promise<ElfFile['versions']> {
    const versions: Record<string, string[]> = {};
    await this.#eachNeed(offset, count, (library, need) => {
      const name = textAt(names, library);
      versions[name] = [...(versions[name] ?? []), textAt(names, this.#word(need, 8))];
    });
    for (const needed of Object.values(versions)) needed.sort();
    return versions;
  }

  async #bytes(offset: number, size: number): Promise<Buffer> {
    if (size > LARGEST || offset + size > this.#size) throw new Damaged();
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await this.#file.read(bytes, 0, size, offset);
    if (bytesRead !== size) throw new Damaged();
    return bytes;
  }

  async #text(offset: number, size: number): Promise<string> {
    return textAt(await this.#bytes(offset, size), 0);
  }

  #half(bytes: Buffer, at: number): number {
    return this.#little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  #word(bytes: Buffer, at: number): number {
    return this.#little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  #long(bytes: Buffer, at: number): number {
    return Number(this.#little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  }

  #address(bytes: Buffer, at: number): number {
    return this.#wide ? this.#long(bytes, at) : this.#word(bytes, at);
  }
}

/** The file offset of a virtual address. */
function fileOffset(segments: readonly Segment[], address: number): number {
  const segment = segments.find(
    (one) => one.type === PT_LOAD && address >= one.address && address < one.address + one.size,
  );
  if (segment === undefined) throw new Damaged();
  return segment.offset + address - segment.address;
}

function textAt(bytes: Buffer, at: number): string {
  const end = bytes.indexOf(0, at);
  if (at >= bytes.length) throw new Damaged();
  return bytes.toString('utf8', at, end < 0 ? bytes.length : end);
}

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}
