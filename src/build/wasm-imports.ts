/** One import of a WebAssembly module. */
export interface WasmImport {
  readonly module: string;
  readonly name: string;
}

/** Number of the import section (WebAssembly core specification, 5.5.5). */
const IMPORT_SECTION = 2;

/**
 * What a module imports, in order, read from its import section (WebAssembly core specification, 5.5); undefined when
 * the bytes are no WebAssembly module of version 1.
 */
export function wasmImports(bytes: Uint8Array): readonly WasmImport[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || view.getUint32(0) !== 0x0061736d || view.getUint32(4, true) !== 1) return undefined;
  const reader = new Reader(bytes, 8);
  while (!reader.atEnd()) {
    const section = reader.byte();
    const size = reader.number();
    if (section === IMPORT_SECTION) return readImports(reader);
    reader.skip(size);
  }
  return [];
}

function readImports(reader: Reader): readonly WasmImport[] {
  const imports: WasmImport[] = [];
  for (let left = reader.number(); left > 0; left--) {
    imports.push({ module: reader.name(), name: reader.name() });
    skipDescription(reader);
  }
  return imports;
}

/** 0 function: type index; 1 table: element type, limits; 2 memory: limits; 3 global: type, mutability; 4 tag: both. */
function skipDescription(reader: Reader): void {
  const kind = reader.byte();
  if (kind === 0) reader.number();
  else if (kind === 1) {
    reader.byte();
    skipLimits(reader);
  } else if (kind === 2) skipLimits(reader);
  else if (kind === 3) reader.skip(2);
  else {
    reader.byte();
    reader.number();
  }
}

function skipLimits(reader: Reader): void {
  const flags = reader.byte();
  reader.number();
  if (flags & 1) reader.number();
}

class Reader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  /** Unsigned LEB128. */
  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80 || this.atEnd()) return value;
    }
  }

  name(): string {
    const size = this.number();
    const text = Buffer.from(this.#bytes.subarray(this.#at, this.#at + size)).toString('utf8');
    this.skip(size);
    return text;
  }

  skip(size: number): void {
    this.#at += size;
  }
}
