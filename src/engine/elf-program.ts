/** Where the one segment of a program lies: below 2³¹, at a multiple of every size of a page. */
const BASE = 0x40_0000;
const HEADERS = 64 + 56;
const PAGE = 0x1_0000;
/** The instructions of a program, given the addresses of its strings. */
export type Assemble = (address: (text: string) => number) => Buffer;

/**
 * A static program of 64-bit little-endian machines, of nothing but instructions and strings. It needs no file of a root tree, so a sandbox can start it
 * that holds programs of another machine only.
 */
export function elfProgram(elfMachine: number, strings: readonly string[], assemble: Assemble): Buffer {
  const offsets = new Map<string, number>();
  const data: Buffer[] = [];
  let end = 0;
  for (const text of new Set(strings)) {
    const bytes = Buffer.from(`${text}\0`);
    offsets.set(text, end);
    data.push(bytes);
    end += bytes.length;
  }
  const start = Math.ceil((HEADERS + end) / 16) * 16;
  const padding = Buffer.alloc(start - HEADERS - end);
  const code = assemble((text) => {
    const offset = offsets.get(text);
    if (offset === undefined) throw new Error(`the program has no string ${text}`);
    return BASE + HEADERS + offset;
  });
  const size = start + code.length;
  return Buffer.concat([headers(elfMachine, BASE + start, size), ...data, padding, code]);
}

/** elf(5): the header, and one segment that is the whole file, to be read and executed. */
function headers(elfMachine: number, entry: number, size: number): Buffer {
  const bytes = Buffer.alloc(HEADERS);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(elfMachine, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(entry), 24);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(1, 64);
  bytes.writeUInt32LE(5, 68);
  bytes.writeBigUInt64LE(BigInt(BASE), 80);
  bytes.writeBigUInt64LE(BigInt(BASE), 88);
  bytes.writeBigUInt64LE(BigInt(size), 96);
  bytes.writeBigUInt64LE(BigInt(size), 104);
  bytes.writeBigUInt64LE(BigInt(PAGE), 112);
  return bytes;
}
