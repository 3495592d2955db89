import { defined } from '../../domain/defined.ts';
import { readProgram } from './elf-segment.ts';
import { copiesData, unread } from './unread.ts';

/** What `src/env/onefile.c` begins with in every program that it is linked into; the distance to the header follows. */
const MARKER = Buffer.from([
  ...[0x6f, 0x6e, 0x65, 0x66, 0x69, 0x6c, 0x65, 0x93],
  ...[0x1a, 0xd5, 0x0e, 0x7b, 0xc8, 0x62, 0xf4, 0x39],
]);

/** What `src/env/onefile-start.c` begins with in a program whose Python is a library. */
const BEGIN_MARKER = Buffer.from([
  ...[0x6f, 0x6e, 0x65, 0x62, 0x65, 0x67, 0x69, 0x6e],
  ...[0x91, 0x0d, 0xe4, 0x3c, 0x77, 0xb8, 0x52, 0xca],
]);
/** Behind it, and two numbers, is its first instruction. */
const FIRST_INSTRUCTION = 32;
/** Bytes of `struct begin` there, before the entries. */
const BEGIN = 40;
/** Bytes of `struct loaded` there. */
const LOADED = 36;

const END = 0x656e6421;
const FILE = 1;
const FOLDER = 2;
const OURS_ALONE = 4;
/** Bytes of `struct header` and of `struct entry` there, and where the header's own sum is. */
const HEADER = 104;
const HEADER_SUM = 96;
const ENTRY = 36;
/** What sums are taken over is zero up to a multiple of it. */
const ALIGNMENT = 32;
/** Libraries are mapped from the file, with pages of any size. */
const PAGE = 0x10000;
/** Offsets have 32 bits, and so have the address spaces of some programs. */
const LARGEST = 2 ** 31;

export interface ImageFile {
  /** Relative to the program's folder: `lib/python3.13/os.py`. */
  readonly path: string;
  readonly bytes: Buffer;
  /** Paths of the libraries among the files that it needs, in the order that they are loaded in. */
  readonly needs?: readonly string[];
}

export interface ImageInput {
  /** The program of a bundle. */
  readonly program: Buffer;
  readonly files: readonly ImageFile[];
  /** The folder that is the program's alone, whatever the machine has there: `lib/python3.13`. */
  readonly library: string;
  /** Paths of the libraries that are loaded before the program begins, in this order. Absent: its Python is inside. */
  readonly loaded?: readonly string[];
  /** Modification time of every file, in seconds since the epoch. */
  readonly time: number;
}

/**
 * Program and files in one: program, header, files, paths, and last the table of them, which is the first thing that is missed
 * where the end is cut off. Everything has the program's byte order. The reason, where it is not possible.
 */
export function makeImage({ program: original, files, library, time, loaded }: ImageInput): Buffer | string {
  const marker = original.indexOf(MARKER);
  if (marker < 0) return 'The program was linked without what finds files in it.';
  if (original.indexOf(MARKER, marker + 1) >= 0) return 'The program contains a program of this kind.';
  const header = aligned(original.length);
  const body = new Body(header + HEADER);
  const entries = listEntries(files, library);
  const numbers = new Map(entries.map(({ path }, index) => [path, index]));
  const named = new Set(loaded);
  const placed = entries.map((one) => {
    const alignment = named.has(one.path) ? PAGE : ALIGNMENT;
    return { ...one, data: one.bytes === undefined ? 0 : body.add(one.bytes, alignment) };
  });
  const paths = entries.map(({ path }) => body.add(Buffer.from(`${path}\0`)));
  const libraryAt = body.add(Buffer.from(`${library}\0`));
  // With the paths, to be compared with them. It is written when the program has been read.
  const begin = loaded === undefined ? 0 : body.add(Buffer.alloc(BEGIN + loaded.length * LOADED));
  const table = body.reserve();
  const buckets = 2 ** Math.ceil(Math.log2(entries.length * 2 + 1));
  const children = entries.reduce((sum, one) => sum + one.children.length, 0);
  // One word more: a file that ends in zeros would not miss them.
  const total = aligned(table + buckets * 4 + entries.length * ENTRY + children * 4 + 4);
  const tableSize = total - table;
  if (total > LARGEST) return 'It would be larger than 2 GiB.';
  const image = Buffer.alloc(total);
  original.copy(image);
  const program = readProgram(image.subarray(0, original.length), loaded !== undefined);
  const [address, start] = [program?.addressOf(marker), program?.addressOf(0)];
  if (program === undefined || address === undefined || start === undefined)
    return 'It has no note behind its segments, which could be turned into one for the files.';
  const blob = original.indexOf(BEGIN_MARKER);
  const blobAddress = blob < 0 ? undefined : program.addressOf(blob);
  if (loaded !== undefined && (program.loaded === undefined || blobAddress === undefined))
    return 'The program was linked without what loads its libraries from it.';
  const { little, end, head, from } = program;
  // What is copied from a library when it is loaded has to be there.
  const copied = copiesData(original);
  const put = (at: number, ...values: readonly number[]): void => {
    for (const [index, value] of values.entries()) {
      if (little) image.writeUInt32LE(value >>> 0, at + index * 4);
      else image.writeUInt32BE(value >>> 0, at + index * 4);
    }
  };
  body.copyTo(image);
  for (const [index, one] of placed.entries()) {
    let slot = hashOf(one.path) & (buckets - 1);
    while (image.readUInt32LE(table + slot * 4) !== 0) slot = (slot + 1) & (buckets - 1);
    put(table + slot * 4, index + 1);
  }
  let child = 0;
  const childrenAt = table + buckets * 4 + entries.length * ENTRY;
  for (const [index, { path, data, bytes, children: below, alone }] of placed.entries()) {
    const kind = (bytes === undefined ? FOLDER : FILE) | (alone ? OURS_ALONE : 0);
    const size = bytes?.length ?? 0;
    const sum = bytes === undefined ? [0, 0] : sumOf(image, data, size, little);
    const at = table + buckets * 4 + index * ENTRY;
    put(at, paths[index] as number, Buffer.byteLength(path), kind, data, size, ...sum, child, below.length);
    put(childrenAt + child * 4, ...below);
    child += below.length;
  }
  put(total - 4, END);
  program.map(total);
  const putWide = (at: number, ...values: readonly bigint[]): void => {
    for (const [index, value] of values.entries()) {
      if (little) image.writeBigUInt64LE(value, at + index * 8);
      else image.writeBigUInt64BE(value, at + index * 8);
    }
  };
  // In memory.
  const here = end + BigInt(header - from);
  const distance = here - address;
  putWide(marker + MARKER.length, distance);
  if (loaded !== undefined && program.loaded !== undefined && blobAddress !== undefined) {
    const { entry, interpreter, dynamic, texts, header: hidden, beginAt } = program.loaded;
    putWide(blob + BEGIN_MARKER.length, here - blobAddress, blobAddress);
    putWide(begin, entry, interpreter, dynamic, texts);
    put(begin + 32, hidden, loaded.length);
    for (const [index, path] of loaded.entries()) {
      const number = numbers.get(path) as number;
      const { data, bytes } = placed[number] as (typeof placed)[number];
      const [from, until] = copied ? [0, 0] : unread(bytes ?? Buffer.alloc(0));
      const sums = [
        ...sumOf(image, data, from, little),
        ...sumOf(image, data + until, (bytes?.length ?? 0) - until, little),
        ...sumOf(image, data + from, until - from, little),
      ];
      put(begin + BEGIN + index * LOADED, number, from, until, ...sums);
    }
    beginAt(blobAddress + BigInt(FIRST_INSTRUCTION));
  }
  put(header, header, Number(here - start), head, time, table, tableSize, buckets, entries.length, libraryAt);
  const names = paths[0] ?? table;
  const parts = [[0, head] as const, [head, header - head] as const, [names, total - names] as const];
  put(header + 36, ...parts.flatMap(([at, size]) => sumOf(image, at, size, little)));
  put(header + 60, names, begin);
  put(header + HEADER_SUM, ...sumOf(image, header, HEADER_SUM, little));
  return image;
}

/** The files of an image, read back; undefined: the program is none, or it is damaged. */
export function readImage(image: Buffer): readonly ImageFile[] | undefined {
  if (!image.includes(MARKER) || image.length < HEADER) return undefined;
  const little = image[ELF_DATA] === 1;
  const word = (at: number): number => (little ? image.readUInt32LE(at) : image.readUInt32BE(at));
  const header = findHeader(image, word, little);
  if (header === undefined) return undefined;
  const [table, size] = [word(header + 16), word(header + 20)];
  const [buckets, count] = [word(header + 24), word(header + 28)];
  if (table + Math.max(size, buckets * 4 + count * ENTRY) > image.length) return undefined;
  const files: ImageFile[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = table + buckets * 4 + index * ENTRY;
    const [path, length, kind] = [word(at), word(at + 4), word(at + 8)];
    const [data, bytes] = [word(at + 12), word(at + 16)];
    if ((kind & FILE) === 0) continue;
    if (path + length > image.length || data + bytes > image.length) return undefined;
    files.push({
      path: image.toString('utf8', path, path + length),
      bytes: image.subarray(data, data + bytes),
    });
  }
  return files;
}

/** Where ELF states the order of bytes (elf(5), `EI_DATA`). */
const ELF_DATA = 5;

/** The header states where it is, and its own sum. */
function findHeader(image: Buffer, word: (at: number) => number, little: boolean): number | undefined {
  for (let at = ALIGNMENT; at + HEADER <= image.length; at += ALIGNMENT) {
    if (word(at) !== at) continue;
    const [first, second] = sumOf(image, at, HEADER_SUM, little);
    if (word(at + HEADER_SUM) === first >>> 0 && word(at + HEADER_SUM + 4) === second >>> 0) return at;
  }
  return undefined;
}

interface Listed {
  readonly path: string;
  /** Absent: it is a folder. */
  readonly bytes?: Buffer;
  /** Numbers of what is in a folder, or of what a library needs. */
  readonly children: readonly number[];
  readonly alone: boolean;
}

/** All files, and the folders that they are in. */
function listEntries(files: readonly ImageFile[], library: string): readonly Listed[] {
  const contents = new Map<string, Buffer | undefined>();
  const needs = new Map(files.map((one) => [one.path, one.needs ?? []]));
  for (const { path, bytes } of files) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1)
      contents.set(parts.slice(0, depth).join('/'), undefined);
    contents.set(path, bytes);
  }
  const paths = [...contents.keys()].sort();
  const below = new Map<string, number[]>();
  for (const [index, path] of paths.entries()) {
    const folder = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
    below.set(folder, [...(below.get(folder) ?? []), index]);
  }
  const numbers = new Map(paths.map((path, index) => [path, index]));
  return paths.map((path) => {
    const bytes = contents.get(path);
    const alone = path === library || path.startsWith(`${library}/`);
    const needed = (needs.get(path) ?? []).map((one) => numbers.get(one) as number);
    return { path, children: below.get(path) ?? needed, alone, ...defined({ bytes }) };
  });
}

/** What lies behind the header. */
class Body {
  readonly #parts: (readonly [number, Buffer])[] = [];
  #end: number;

  constructor(start: number) {
    this.#end = start;
  }

  add(bytes: Buffer, alignment = ALIGNMENT): number {
    const at = Math.ceil(this.#end / alignment) * alignment;
    this.#parts.push([at, bytes]);
    this.#end = at + bytes.length;
    return at;
  }

  reserve(): number {
    return aligned(this.#end);
  }

  copyTo(image: Buffer): void {
    for (const [at, bytes] of this.#parts) bytes.copy(image, at);
  }
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

/** FNV-1a, over the path's bytes. */
function hashOf(path: string): number {
  let hash = 2166136261;
  for (const byte of Buffer.from(path)) hash = Math.imul(hash ^ byte, 16777619);
  return hash >>> 0;
}

/** As `sum_of` in `onefile.c`: Fletcher's sums, turned, over eight columns of words, which are zero behind the end. */
export function sumOf(bytes: Buffer, from: number, size: number, little: boolean): readonly [number, number] {
  const sums = Int32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
  const until = from + aligned(size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = from; at < until; at += ALIGNMENT) {
    for (let column = 0; column < 8; column += 1) {
      const sum = rotated(sums[column] as number, 7) + view.getInt32(at + column * 4, little);
      sums[column] = sum;
      sums[column + 8] = rotated(sums[column + 8] as number, 5) + (sums[column] as number);
    }
  }
  let low = size | 0;
  let high = 0;
  for (const sum of sums) {
    low = rotated(Math.imul(low ^ sum, 0x85ebca6b), 13);
    high = rotated(Math.imul(high ^ low, 0xc2b2ae35), 16);
  }
  return [low >>> 0, high >>> 0];
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
