/** Names of the sections of an ELF file of any class and byte order (elf(5)), or the custom ones of a WebAssembly module. */
export function sectionNames(file: Buffer): readonly string[] {
  return file.readUInt32BE(0) === 0x7f454c46 ? elfSections(file) : customSections(file);
}

function elfSections(file: Buffer): readonly string[] {
  const wide = file[4] === 2;
  const little = file[5] === 1;
  const half = (at: number): number => (little ? file.readUInt16LE(at) : file.readUInt16BE(at));
  const word = (at: number): number => (little ? file.readUInt32LE(at) : file.readUInt32BE(at));
  const address = (at: number): number => {
    if (!wide) return word(at);
    return Number(little ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at));
  };
  const table = address(wide ? 40 : 32);
  const [size, count, strings] = (wide ? [58, 60, 62] : [46, 48, 50]).map(half) as [number, number, number];
  const offsetOf = (index: number): number => address(table + index * size + (wide ? 24 : 16));
  const names = offsetOf(strings);
  return Array.from({ length: count }, (_, index) => {
    const start = names + word(table + index * size);
    return file.toString('latin1', start, file.indexOf(0, start));
  });
}

/** A module is a sequence of sections; those of kind 0 have a name (WebAssembly Core Specification, 5.5.3). */
function customSections(file: Buffer): readonly string[] {
  const names: string[] = [];
  let at = 8;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = file[at++] as number;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < file.length) {
    const kind = file[at++];
    const size = number();
    const end = at + size;
    if (kind === 0) {
      const length = number();
      names.push(file.toString('utf8', at, at + length));
    }
    at = end;
  }
  return names;
}
