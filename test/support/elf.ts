// Writes small ELF files of any class and byte order, as linkers lay them out (elf(5)): what real ones of every
// machine would need a cross compiler each for.

export interface ElfParts {
  readonly machine: number;
  readonly bits?: 32 | 64;
  readonly endianness?: 'little' | 'big';
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  /** Library → symbol versions asked of it. */
  readonly versions?: Readonly<Record<string, readonly string[]>>;
  /** Bytes behind everything else. */
  readonly rest?: string;
}

/** Where the one loaded segment is in memory; its addresses are file offsets and this. */
const BASE = 0x400000;

export function makeElf(parts: ElfParts): Buffer {
  const { bits = 64, endianness = 'little', needed = [], versions = {} } = parts;
  const wide = bits === 64;
  const write = new Words(wide, endianness === 'little');
  const strings = new Strings();
  const interpreter = Buffer.from(`${parts.interpreter ?? ''}\0`);
  const headers = parts.interpreter === undefined ? 2 : 3;
  const start = (wide ? 64 : 52) + headers * (wide ? 56 : 32);
  const named: readonly (readonly [number, string])[] = [
    ...needed.map((name) => [1, name] as const),
    ...(parts.soname === undefined ? [] : [[14, parts.soname] as const]),
    ...(parts.rpath === undefined ? [] : [[15, parts.rpath] as const]),
    ...(parts.runpath === undefined ? [] : [[29, parts.runpath] as const]),
  ];
  const tags = named.map(([tag, text]) => [tag, strings.add(text)] as const);
  const verneed = write.verneed(versions, strings);
  const table = strings.bytes();
  const interpreterAt = start;
  const verneedAt = interpreterAt + interpreter.length;
  const stringsAt = verneedAt + verneed.length;
  const dynamicAt = stringsAt + table.length;
  const dynamic = Buffer.concat(
    [
      ...tags,
      [5, BASE + stringsAt] as const,
      [10, table.length] as const,
      ...(verneed.length === 0
        ? []
        : ([
            [0x6ffffffe, BASE + verneedAt],
            [0x6fffffff, Object.keys(versions).length],
          ] as const)),
      [0, 0] as const,
    ].flatMap(([tag, value]) => [write.address(tag), write.address(value)]),
  );
  const size = dynamicAt + dynamic.length;
  return Buffer.concat([
    write.header(parts.machine, headers),
    write.program(1, 0, size),
    write.program(2, dynamicAt, dynamic.length),
    ...(headers === 3 ? [write.program(3, interpreterAt, interpreter.length)] : []),
    interpreter,
    verneed,
    table,
    dynamic,
    Buffer.from(parts.rest ?? ''),
  ]);
}

class Strings {
  #text = '\0';

  add(text: string): number {
    const at = this.#text.length;
    this.#text += `${text}\0`;
    return at;
  }

  bytes(): Buffer {
    return Buffer.from(this.#text);
  }
}

class Words {
  readonly #wide: boolean;
  readonly #little: boolean;

  constructor(wide: boolean, little: boolean) {
    this.#wide = wide;
    this.#little = little;
  }

  header(machine: number, programs: number): Buffer {
    const wide = this.#wide;
    const ident = Buffer.alloc(16);
    ident.write('\x7fELF', 0, 'latin1');
    ident[4] = wide ? 2 : 1;
    ident[5] = this.#little ? 1 : 2;
    ident[6] = 1;
    const size = wide ? 64 : 52;
    return Buffer.concat([
      ident,
      this.#half(3),
      this.#half(machine),
      this.#word(1),
      this.address(0),
      this.address(size),
      this.address(0),
      this.#word(0),
      this.#half(size),
      this.#half(wide ? 56 : 32),
      this.#half(programs),
      this.#half(wide ? 64 : 40),
      this.#half(0),
      this.#half(0),
    ]);
  }

  program(type: number, offset: number, size: number): Buffer {
    const memory = [this.address(offset), this.address(BASE + offset), this.address(BASE + offset)];
    const sizes = [this.address(size), this.address(size)];
    return this.#wide
      ? Buffer.concat([this.#word(type), this.#word(4), ...memory, ...sizes, this.address(8)])
      : Buffer.concat([this.#word(type), ...memory, ...sizes, this.#word(4), this.address(4)]);
  }

  verneed(versions: Readonly<Record<string, readonly string[]>>, strings: Strings): Buffer {
    const libraries = Object.entries(versions);
    return Buffer.concat(
      libraries.flatMap(([library, names], index) => [
        this.#half(1),
        this.#half(names.length),
        this.#word(strings.add(library)),
        this.#word(16),
        this.#word(index === libraries.length - 1 ? 0 : 16 + names.length * 16),
        ...names.flatMap((name, at) => [
          this.#word(0),
          this.#half(0),
          this.#half(at + 2),
          this.#word(strings.add(name)),
          this.#word(at === names.length - 1 ? 0 : 16),
        ]),
      ]),
    );
  }

  address(value: number): Buffer {
    if (!this.#wide) return this.#word(value);
    const bytes = Buffer.alloc(8);
    if (this.#little) bytes.writeBigUInt64LE(BigInt(value));
    else bytes.writeBigUInt64BE(BigInt(value));
    return bytes;
  }

  #half(value: number): Buffer {
    const bytes = Buffer.alloc(2);
    if (this.#little) bytes.writeUInt16LE(value);
    else bytes.writeUInt16BE(value);
    return bytes;
  }

  #word(value: number): Buffer {
    const bytes = Buffer.alloc(4);
    if (this.#little) bytes.writeUInt32LE(value);
    else bytes.writeUInt32BE(value);
    return bytes;
  }
}
