import { defined } from '../../domain/defined.ts';

/**
 * Programs (ELF) of which the kernel maps more than their linker wrote. Source of all numbers: elf(5). A segment cannot be added
 * to the table of program headers, which other data follows; one that is only a remark (`PT_NOTE`) is turned into one that is
 * mapped. Linkers put it behind all that are, so that these stay in the order of their addresses, as the kernel wants them.
 */
export interface Program {
  readonly wide: boolean;
  readonly little: boolean;
  /** First address behind everything that is mapped, at a page of any size. */
  readonly end: bigint;
  /** The first bytes, with the program headers. */
  readonly head: number;
  /** What is mapped begins here: where a segment had the headers a second time, kernels would name that one to the program. */
  readonly from: number;
  /** The address that an offset of the file is mapped at. */
  readonly addressOf: (offset: number) => bigint | undefined;
  /** Turns the note into a segment: the file from `from` up to `until`, at `end`, which can be read and not written. */
  readonly map: (until: number) => void;
  /** Of a program whose libraries are loaded by an interpreter. */
  readonly loaded?: Loaded;
}

export interface Loaded {
  /** What it begins with. */
  readonly entry: bigint;
  /** Addresses of the interpreter's path, of the dynamic section, and of its texts. */
  readonly interpreter: bigint;
  readonly dynamic: bigint;
  readonly texts: bigint;
  /** The program header that names the interpreter. */
  readonly header: number;
  /** Has the kernel begin it at this address, and start no interpreter. */
  readonly beginAt: (address: bigint) => void;
}

const PT_NULL = 0;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0n;
const DT_STRTAB = 5n;
/** Offset of `e_entry`, for both sizes of addresses. */
const ENTRY = 24;
const PT_NOTE = 4;
const PF_W = 2;
const PF_R = 4;
const SMALLEST_PAGE = 0x1000n;
/** The largest page that Linux has on any machine. */
const PAGE = 0x10000n;

interface Segment {
  readonly at: number;
  readonly type: number;
  readonly offset: bigint;
  readonly address: bigint;
  readonly fileSize: bigint;
  readonly size: bigint;
  readonly alignment: bigint;
  readonly flags: number;
}

/**
 * Reads a program whose bytes `map` then changes; `given`: what begins it gives it its headers anew, so that all may be mapped.
 * Undefined: it is none, or it has no note behind what is mapped.
 */
export function readProgram(bytes: Buffer, given = false): Program | undefined {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const wide = bytes[4] === 2;
  const little = bytes[5] === 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = (at: number): bigint =>
    wide ? view.getBigUint64(at, little) : BigInt(view.getUint32(at, little));
  const table = Number(word(wide ? 32 : 28));
  const size = view.getUint16(wide ? 54 : 42, little);
  const count = view.getUint16(wide ? 56 : 44, little);
  if (table + size * count > bytes.length) return undefined;
  const fields = wide ? WIDE : NARROW;
  const segments: readonly Segment[] = Array.from({ length: count }, (_, index) => {
    const at = table + index * size;
    return {
      ...{ at, type: view.getUint32(at, little), offset: word(at + fields.offset) },
      ...{ address: word(at + fields.address), fileSize: word(at + fields.fileSize) },
      ...{ size: word(at + fields.size), alignment: word(at + fields.alignment) },
      flags: view.getUint32(at + fields.flags, little),
    };
  });
  const loads = segments.filter(({ type }) => type === PT_LOAD);
  const last = loads.at(-1);
  const note = segments.findLast(({ type }) => type === PT_NOTE);
  if (last === undefined || note === undefined || note.at < last.at) return undefined;
  const alignment = loads.reduce((most, one) => (one.alignment > most ? one.alignment : most), 1n);
  const head = given ? Number(SMALLEST_PAGE) : Number(alignment);
  const from = given ? 0 : head;
  // Of a page that is mapped all is there, also what the segment does not ask for.
  const first = loads.find(
    ({ offset, fileSize }) => offset === 0n && (fileSize >= head || head <= SMALLEST_PAGE),
  );
  // They are compared where the program itself has them, which so may not write there.
  if (first === undefined || (first.flags & PF_W) !== 0 || table + size * count > head) return undefined;
  const highest = loads.reduce(
    (most, one) => (one.address + one.size > most ? one.address + one.size : most),
    0n,
  );
  const end = ((highest + PAGE - 1n) / PAGE) * PAGE;
  const put = (at: number, value: bigint): void =>
    wide ? view.setBigUint64(at, value, little) : view.setUint32(at, Number(value), little);
  const loaded = readLoaded(segments, word, wide, (header, address) => {
    view.setUint32((segments[header] as Segment).at, PT_NULL, little);
    put(ENTRY, address);
  });
  return {
    ...{ wide, little, end, head, from, ...defined({ loaded }) },
    addressOf: (offset) => {
      const at = BigInt(offset);
      const load = loads.find((one) => at >= one.offset && at < one.offset + one.fileSize);
      return load === undefined ? undefined : load.address + at - load.offset;
    },
    map: (until) => {
      view.setUint32(note.at, PT_LOAD, little);
      view.setUint32(note.at + fields.flags, PF_R, little);
      put(note.at + fields.offset, BigInt(from));
      put(note.at + fields.address, end);
      put(note.at + fields.physical, end);
      put(note.at + fields.fileSize, BigInt(until - from));
      put(note.at + fields.size, BigInt(until - from));
      put(note.at + fields.alignment, alignment);
    },
  };
}

function readLoaded(
  segments: readonly Segment[],
  word: (at: number) => bigint,
  wide: boolean,
  beginAt: (header: number, address: bigint) => void,
): Loaded | undefined {
  const header = segments.findIndex(({ type }) => type === PT_INTERP);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  const interpreter = segments[header];
  if (interpreter === undefined || dynamic === undefined) return undefined;
  const size = wide ? 8 : 4;
  const until = Number(dynamic.offset + dynamic.fileSize);
  for (let at = Number(dynamic.offset); at < until && word(at) !== DT_NULL; at += 2 * size) {
    if (word(at) !== DT_STRTAB) continue;
    return {
      ...{ entry: word(ENTRY), interpreter: interpreter.address, dynamic: dynamic.address },
      ...{ texts: word(at + size), header, beginAt: (address) => beginAt(header, address) },
    };
  }
  return undefined;
}

/** `Elf64_Phdr` and `Elf32_Phdr`. */
const WIDE = { flags: 4, offset: 8, address: 16, physical: 24, fileSize: 32, size: 40, alignment: 48 };
const NARROW = { flags: 24, offset: 4, address: 8, physical: 12, fileSize: 16, size: 20, alignment: 28 };
