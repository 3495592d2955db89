import { compareReleases } from '../domain/glibc.ts';

const SHT_DYNSYM = 11;
const SHT_GNU_VERDEF = 0x6ffffffd;
const SHT_GNU_VERSYM = 0x6fffffff;
/** Of an entry in `.gnu.version`: only who asks for that version gets the symbol. */
const VERSYM_HIDDEN = 0x8000;
const SHN_UNDEF = 0;

/**
 * Hides from linkers what a library of glibc got after a release, in its bytes: of each symbol, the newest version that is not
 * newer than the release becomes the default one (`name@@GLIBC_2.17`); a symbol without one has no default any more, and is as
 * good as absent (LSB Core, "Symbol Versioning"). The dynamic loader goes by the versions and finds everything as before.
 * Nothing is changed in what is no ELF file with versions of glibc, or a damaged one.
 */
export function hideNewerSymbols(bytes: Buffer, release: string): HiddenSymbols {
  try {
    return hideIn(bytes, release);
  } catch (error) {
    // A table that is not in the file; nothing was written yet.
    if (error instanceof RangeError) return NONE;
    throw error;
  }
}

export interface HiddenSymbols {
  /** How many symbols have another default version, or none. */
  readonly changed: number;
  /** Those that have no version of the release. */
  readonly absent: readonly string[];
}

const NONE: HiddenSymbols = { changed: 0, absent: [] };

function hideIn(bytes: Buffer, release: string): HiddenSymbols {
  const file = Elf.of(bytes);
  const [symbols, indexes, definitions] = [SHT_DYNSYM, SHT_GNU_VERSYM, SHT_GNU_VERDEF].map((type) =>
    file?.section(type),
  );
  if (file === undefined || symbols === undefined || indexes === undefined || definitions === undefined)
    return NONE;
  const releases = file.releases(definitions);
  let changed = 0;
  const absent: string[] = [];
  for (const [name, versions] of file.versions(symbols, indexes, releases)) {
    const current = versions.find(({ isDefault }) => isDefault);
    if (current === undefined || compareReleases(current.release, release) <= 0) continue;
    file.setHidden(current.at, true);
    changed += 1;
    const [newest] = versions
      .filter((one) => compareReleases(one.release, release) <= 0)
      .toSorted((a, b) => compareReleases(b.release, a.release));
    if (newest === undefined) absent.push(name);
    else file.setHidden(newest.at, false);
  }
  return { changed, absent };
}

interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  /** Number of the section with its names. */
  readonly link: number;
}

interface Version {
  readonly release: string;
  readonly isDefault: boolean;
  /** Offset of its entry in `.gnu.version`. */
  readonly at: number;
}

/** A shared library, by its section headers: those are what linkers read. Source of all numbers: elf(5). */
class Elf {
  readonly #bytes: Buffer;
  readonly #wide: boolean;
  readonly #little: boolean;
  readonly #sections: readonly Section[];

  static of(bytes: Buffer): Elf | undefined {
    return bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 ? undefined : new Elf(bytes);
  }

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#wide = bytes[4] === 2;
    this.#little = bytes[5] === 1;
    const [table, size, count] = this.#wide ? [40, 58, 60] : [32, 46, 48];
    this.#sections = Array.from({ length: this.#half(count) }, (_, i) =>
      this.#section(this.#address(table) + i * this.#half(size)),
    );
  }

  section(type: number): Section | undefined {
    return this.#sections.find((one) => one.type === type);
  }

  /** Index of a version → its release of glibc, without those that are no release. */
  releases(definitions: Section): ReadonlyMap<number, string> {
    const found = new Map<number, string>();
    const names = this.#namesOf(definitions);
    let at = definitions.offset;
    for (;;) {
      const [index, aux, next] = [this.#half(at + 4), this.#word(at + 12), this.#word(at + 16)];
      const [, release] = /^GLIBC_(\d+(?:\.\d+)*)$/.exec(this.#text(names, this.#word(at + aux))) ?? [];
      if (release !== undefined) found.set(index, release);
      if (next === 0) return found;
      at += next;
    }
  }

  /** Symbol that the library defines → its versions that are releases. */
  versions(
    symbols: Section,
    indexes: Section,
    releases: ReadonlyMap<number, string>,
  ): ReadonlyMap<string, readonly Version[]> {
    const found = new Map<string, Version[]>();
    const names = this.#namesOf(symbols);
    const size = this.#wide ? 24 : 16;
    for (let i = 0; i < symbols.size / size; i += 1) {
      const symbol = symbols.offset + i * size;
      const at = indexes.offset + i * 2;
      const index = this.#half(at);
      const release = releases.get(index & ~VERSYM_HIDDEN);
      if (release === undefined || this.#half(symbol + (this.#wide ? 6 : 14)) === SHN_UNDEF) continue;
      const name = this.#text(names, this.#word(symbol));
      const version = { release, isDefault: (index & VERSYM_HIDDEN) === 0, at };
      found.set(name, [...(found.get(name) ?? []), version]);
    }
    return found;
  }

  setHidden(at: number, hidden: boolean): void {
    const index = this.#half(at) & ~VERSYM_HIDDEN;
    const value = hidden ? index | VERSYM_HIDDEN : index;
    if (this.#little) this.#bytes.writeUInt16LE(value, at);
    else this.#bytes.writeUInt16BE(value, at);
  }

  #section(at: number): Section {
    const [offset, size, link] = this.#wide ? [24, 32, 40] : [16, 20, 24];
    return {
      type: this.#word(at + 4),
      offset: this.#address(at + offset),
      size: this.#address(at + size),
      link: this.#word(at + link),
    };
  }

  #namesOf({ link }: Section): Section {
    const names = this.#sections[link];
    if (names === undefined) throw new RangeError('a section names one that there is not');
    return names;
  }

  #text({ offset }: Section, at: number): string {
    const start = offset + at;
    return this.#bytes.toString('latin1', start, this.#bytes.indexOf(0, start));
  }

  #half(at: number): number {
    return this.#little ? this.#bytes.readUInt16LE(at) : this.#bytes.readUInt16BE(at);
  }

  #word(at: number): number {
    return this.#little ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at);
  }

  #address(at: number): number {
    if (!this.#wide) return this.#word(at);
    return Number(this.#little ? this.#bytes.readBigUInt64LE(at) : this.#bytes.readBigUInt64BE(at));
  }
}
