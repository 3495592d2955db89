// Writes shared libraries with versions of symbols, as far as linkers read them (elf(5); LSB Core, "Symbol Versioning"): of any
// class and byte order, which real ones would need a cross compiler each for.

export interface LibraryParts {
  readonly bits?: 32 | 64;
  readonly endianness?: 'little' | 'big';
  /** `name@@VERSION` (default), `name@VERSION`; `name` without a version; `name@VERSION?`: undefined here. */
  readonly symbols: readonly string[];
}

export interface MadeLibrary {
  readonly bytes: Buffer;
  /** The symbols as `symbols` has them, read from bytes of the same layout. */
  symbols(bytes: Buffer): readonly string[];
}

export function makeLibrary({ bits = 64, endianness = 'little', symbols }: LibraryParts): MadeLibrary {
  const wide = bits === 64;
  const number = (size: number, value: number): Buffer => {
    const bytes = Buffer.alloc(size);
    if (endianness === 'little') bytes.writeUIntLE(value, 0, Math.min(size, 6));
    else bytes.writeUIntBE(value, size - Math.min(size, 6), Math.min(size, 6));
    return bytes;
  };
  const [half, word] = [(value: number) => number(2, value), (value: number) => number(4, value)];
  const address = (value: number) => number(wide ? 8 : 4, value);
  let texts = '\0';
  const text = (name: string): number => {
    texts += `${name}\0`;
    return texts.length - name.length - 1;
  };
  const parsed = symbols.map((symbol) => {
    const [, name = '', at, version, undefinedHere] = /^([^@?]+)(@@?)?([^?]*)(\?)?$/.exec(symbol) ?? [];
    return { name, isDefault: at === '@@', version, isDefined: undefinedHere === undefined };
  });
  const versions = [...new Set(parsed.flatMap(({ version }) => version || []))];
  const versionOf = (one: (typeof parsed)[number]): number => {
    const index = versions.indexOf(one.version ?? '') + 2;
    return index < 2 ? 1 : one.isDefault ? index : index | 0x8000;
  };
  const dynsym = [{ name: '', isDefined: false }, ...parsed].map(({ name, isDefined }) => {
    const [at, section] = [word(name === '' ? 0 : text(name)), half(isDefined ? 1 : 0)];
    const [info, value] = [Buffer.from([0x12, 0]), address(isDefined ? 0x1000 : 0)];
    return Buffer.concat(
      wide ? [at, info, section, value, address(8)] : [at, value, address(8), info, section],
    );
  });
  const versym = [half(0), ...parsed.map((one) => half(versionOf(one)))];
  // The first names the library itself (VER_FLG_BASE).
  const verdef = ['libfar.so.1', ...versions].map((name, i) => {
    const next = i === versions.length ? 0 : 28;
    const head = [half(1), half(i === 0 ? 1 : 0), half(i + 1), half(1), word(0), word(20), word(next)];
    return Buffer.concat([...head, word(text(name)), word(0)]);
  });
  const parts = [
    { type: 11, link: 2, bytes: Buffer.concat(dynsym) },
    { type: 3, link: 0, bytes: Buffer.from(texts, 'latin1') },
    { type: 0x6fffffff, link: 1, bytes: Buffer.concat(versym) },
    { type: 0x6ffffffd, link: 2, bytes: Buffer.concat(verdef) },
  ];
  let end = wide ? 64 : 52;
  const table = [Buffer.alloc(wide ? 64 : 40)];
  let versymAt = 0;
  for (const { type, link, bytes } of parts) {
    if (type === 0x6fffffff) versymAt = end;
    const place = [address(0), address(0), address(end), address(bytes.length), word(link), word(0)];
    table.push(Buffer.concat([word(0), word(type), ...place, address(1), address(0)]));
    end += bytes.length;
  }
  const header = Buffer.concat([
    Buffer.from([
      0x7f,
      0x45,
      0x4c,
      0x46,
      wide ? 2 : 1,
      endianness === 'little' ? 1 : 2,
      1,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
    ]),
    ...[half(3), half(0xfeed), word(1), address(0), address(0), address(end), word(0)],
    ...[half(wide ? 64 : 52), half(0), half(0), half(wide ? 64 : 40), half(table.length), half(0)],
  ]);
  return {
    bytes: Buffer.concat([header, ...parts.map(({ bytes }) => bytes), ...table]),
    symbols: (bytes) =>
      parsed.map(({ name, isDefined }, i) => {
        const at = versymAt + (i + 1) * 2;
        const index = endianness === 'little' ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
        const version = versions[(index & 0x7fff) - 2];
        const sign = (index & 0x8000) === 0 ? '@@' : '@';
        return `${name}${version === undefined ? '' : `${sign}${version}`}${isDefined ? '' : '?'}`;
      }),
  };
}
