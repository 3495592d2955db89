/**
 * Which part of a library (ELF) its loader does not read before it runs the first function: its code and its constants. What it
 * reads, and writes, are the headers, the tables that the dynamic section names, and all that is writable. Source of all numbers:
 * elf(5), the gABI and the processors' supplements.
 */
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_NOTE = 4;
const PT_TLS = 7;
const PT_GNU_PROPERTY = 0x6474e553;
const PF_W = 2;
const DT_NULL = 0;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_SYMTAB = 6;
const DT_TEXTREL = 22;
const DT_FLAGS = 30;
const DF_TEXTREL = 4;
/** Tables whose end is not told, and those of relocations: where they are, and their size. */
const UNSIZED = [4, 0x6ffffef5, DT_SYMTAB, 0x6ffffff0, 0x6ffffffc, 0x6ffffffe];
const RELOCATIONS = [
  { at: 7, size: 8, addends: true },
  { at: 17, size: 18, addends: false },
] as const;
const DT_JMPREL = 23;
const DT_PLTRELSZ = 2;
const DT_PLTREL = 20;
const RELR = { at: 36, size: 35 } as const;
const STT_GNU_IFUNC = 10;
/** `e_machine` → types of relocation that copy data of a library, and that call a function of it. */
const TYPES: Readonly<Record<number, { readonly copy: number; readonly call: number }>> = {
  62: { copy: 5, call: 37 },
  183: { copy: 1024, call: 1032 },
  40: { copy: 20, call: 160 },
  21: { copy: 19, call: 248 },
  22: { copy: 9, call: 61 },
  243: { copy: 4, call: 58 },
};
/** The largest page that Linux has on any machine. */
const PAGE = 0x10000;

/** Offsets of its beginning and its end, multiples of any page; both 0: all of it may be read. */
export function unread(bytes: Buffer): readonly [number, number] {
  const elf = readTables(bytes);
  if (elf === undefined) return [0, 0];
  const { segments, tags, offsetOf, relocations, machine } = elf;
  const types = TYPES[machine];
  const writable = segments.filter(({ type, flags }) => type === PT_LOAD && (flags & PF_W) !== 0);
  if (types === undefined || writable.length === 0) return [0, 0];
  if (tags.has(DT_TEXTREL) || ((tags.get(DT_FLAGS) ?? 0) & DF_TEXTREL) !== 0) return [0, 0];
  if (relocations.some((type) => type === types.call) || elf.resolves()) return [0, 0];
  const until = Math.floor(Math.min(...writable.map(({ offset }) => offset)) / PAGE) * PAGE;
  const ends = elf.sized.map(([tag, size]) => offsetOf(tags.get(tag) as number) + (tags.get(size) ?? 0));
  const notes = segments.filter(({ type }) => type === PT_NOTE || type === PT_GNU_PROPERTY);
  const read = Math.max(elf.headers, ...[...ends, ...notes.map(({ offset, size }) => offset + size)]);
  const starts = UNSIZED.flatMap((tag) => (tags.has(tag) ? [offsetOf(tags.get(tag) as number)] : []));
  const inside = segments.some(
    ({ type, offset }) => (type === PT_TLS || type === PT_DYNAMIC) && offset < until,
  );
  const from = Math.ceil(read / PAGE) * PAGE;
  return inside || starts.some((at) => at >= read) || from >= until ? [0, 0] : [from, until];
}

/** Whether data of libraries is copied into the program when these are loaded, or that is not known. */
export function copiesData(program: Buffer): boolean {
  const elf = readTables(program);
  const copy = elf === undefined ? undefined : TYPES[elf.machine]?.copy;
  return elf === undefined || copy === undefined || elf.relocations.includes(copy);
}

interface Tables {
  readonly machine: number;
  /** End of the program headers. */
  readonly headers: number;
  readonly segments: readonly {
    readonly type: number;
    readonly flags: number;
    readonly offset: number;
    readonly size: number;
  }[];
  /** The dynamic section. */
  readonly tags: ReadonlyMap<number, number>;
  /** Of these, tables and their sizes. */
  readonly sized: readonly (readonly [number, number])[];
  readonly offsetOf: (address: number) => number;
  /** Their types. */
  readonly relocations: readonly number[];
  /** Whether a symbol's address is what a function gives. */
  readonly resolves: () => boolean;
}

function readTables(bytes: Buffer): Tables | undefined {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const wide = bytes[4] === 2;
  const little = bytes[5] === 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const half = (at: number): number => view.getUint16(at, little);
  const four = (at: number): number => view.getUint32(at, little);
  const word = (at: number): number => (wide ? Number(view.getBigUint64(at, little)) : four(at));
  const table = word(wide ? 32 : 28);
  const [entry, count] = [half(wide ? 54 : 42), half(wide ? 56 : 44)];
  const segments = Array.from({ length: count }, (_, index) => {
    const at = table + index * entry;
    return {
      ...{ type: four(at), flags: four(at + (wide ? 4 : 24)), offset: word(at + (wide ? 8 : 4)) },
      ...{ address: word(at + (wide ? 16 : 8)), size: word(at + (wide ? 32 : 16)) },
    };
  });
  const offsetOf = (address: number): number => {
    const one = segments.find(
      ({ type, address: first, size }) => type === PT_LOAD && address >= first && address < first + size,
    );
    return one === undefined ? bytes.length : address - one.address + one.offset;
  };
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return undefined;
  const step = wide ? 8 : 4;
  const tags = new Map<number, number>();
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size && word(at) !== DT_NULL; at += 2 * step)
    tags.set(word(at), word(at + step));
  const addends = tags.get(DT_PLTREL) === 7;
  const lists = [...RELOCATIONS, { at: DT_JMPREL, size: DT_PLTRELSZ, addends }].filter(({ at }) =>
    tags.has(at),
  );
  const relocations = new Set<number>();
  for (const { at, size, addends: three } of lists) {
    const first = offsetOf(tags.get(at) as number);
    const last = first + (tags.get(size) ?? 0);
    if (last > bytes.length) return undefined;
    for (let one = first; one < last; one += step * (three ? 3 : 2)) {
      // r_info: the type is its lower half, or byte.
      relocations.add(wide ? word32OfInfo(one + 8) : four(one + 4) & 0xff);
    }
  }
  function word32OfInfo(at: number): number {
    return four(little ? at : at + 4);
  }
  const sized = [...lists, RELR, { at: DT_STRTAB, size: DT_STRSZ }]
    .filter(({ at }) => tags.has(at))
    .map(({ at, size }) => [at, size] as const);
  return {
    ...{ machine: half(18), headers: table + entry * count, segments, tags, sized, offsetOf },
    relocations: [...relocations],
    resolves: () => {
      const symbols = offsetOf(tags.get(DT_SYMTAB) ?? 0);
      // No tag says how many there are: the next table ends them.
      const others = [...UNSIZED, ...sized.map(([at]) => at)]
        .flatMap((tag) => tags.get(tag) ?? [])
        .map(offsetOf);
      const end = Math.min(bytes.length, ...others.filter((at) => at > symbols));
      const size = wide ? 24 : 16;
      for (let at = symbols; at + size <= end; at += size) {
        const info = bytes[at + (wide ? 4 : 12)] as number;
        if ((info & 0xf) === STT_GNU_IFUNC && half(at + (wide ? 6 : 14)) !== 0) return true;
      }
      return false;
    },
  };
}
