/** A section of a WebAssembly module: its number and its bytes (WebAssembly core specification, 5.5.2). */
export interface Section {
  readonly id: number;
  readonly payload: Uint8Array;
}

/** Numbers of sections. */
export const SECTION = {
  import: 2,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  data: 11,
  dataCount: 12,
} as const;

const HEADER_BYTES = 8;
const MAGIC = 0x0061736d;

/** The sections of a module in their order; undefined when the bytes are no module of version 1. */
export function readSections(bytes: Uint8Array): readonly Section[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || view.getUint32(0) !== MAGIC || view.getUint32(4, true) !== 1)
    return undefined;
  const reader = new Reader(bytes, HEADER_BYTES);
  const sections: Section[] = [];
  while (!reader.atEnd()) {
    const id = reader.byte();
    sections.push({ id, payload: reader.take(reader.number()) });
  }
  return sections;
}

export function writeSections(sections: readonly Section[]): Uint8Array {
  const parts: Uint8Array[] = [new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])];
  for (const { id, payload } of sections)
    parts.push(new Uint8Array([id, ...number(payload.length)]), payload);
  return Buffer.concat(parts);
}

/** Unsigned LEB128. */
export function number(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** Signed LEB128. */
export function signed(value: bigint): readonly number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    const last = (rest >> 7n === 0n && low < 64) || (rest >> 7n === -1n && low >= 64);
    bytes.push(last ? low : low | 0x80);
    if (last) return bytes;
  }
}

/** A length and that many bytes. */
export function name(text: string): readonly number[] {
  const bytes = Buffer.from(text);
  return [...number(bytes.length), ...bytes];
}

export class Reader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80 || this.atEnd()) return value;
    }
  }

  signed(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80 || this.atEnd()) return byte & 0x40 ? value - (1n << (shift + 7n)) : value;
    }
  }

  name(): string {
    return Buffer.from(this.take(this.number())).toString('utf8');
  }

  take(size: number): Uint8Array {
    const bytes = this.#bytes.subarray(this.#at, this.#at + size);
    this.#at += size;
    return bytes;
  }
}
