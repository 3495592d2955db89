import type { ElfKind } from './emulation.ts';

/** Where the kernel has its registrations when they are mounted (its admin-guide). */
export const BINFMT_MISC = '/proc/sys/fs/binfmt_misc';

/** Something to register when it is tried: no machine of elf(5) has this number. */
export const NO_MACHINE: ElfKind = { pointerWidth: 64, endianness: 'little', number: 0xfefe };

/** Bytes of a program that are compared: elf(5), up to and with `e_machine`. */
const COMPARED = 20;
/** Offsets of elf(5). */
const OS_ABI = 7;
const TYPE = 16;
const MACHINE = 18;
/** `ET_EXEC`; `ET_DYN`, which position-independent programs are, has one bit more. */
const EXECUTABLE = 2;

/** What programs of a kind begin with, and which bits of it count. */
export interface Magic {
  readonly magic: Buffer;
  readonly mask: Buffer;
}

export function magicOf({ pointerWidth, endianness, number }: ElfKind): Magic {
  const magic = Buffer.alloc(COMPARED);
  const mask = Buffer.alloc(COMPARED, 0xff);
  magic.write('\x7fELF', 'latin1');
  magic[4] = pointerWidth === 64 ? 2 : 1;
  magic[5] = endianness === 'little' ? 1 : 2;
  magic[6] = 1;
  // GNU's own extensions have a number of their own there.
  mask[OS_ABI] = 0;
  if (endianness === 'little') {
    magic.writeUInt16LE(EXECUTABLE, TYPE);
    mask.writeUInt16LE(0xfffe, TYPE);
    magic.writeUInt16LE(number, MACHINE);
  } else {
    magic.writeUInt16BE(EXECUTABLE, TYPE);
    mask.writeUInt16BE(0xfffe, TYPE);
    magic.writeUInt16BE(number, MACHINE);
  }
  return { magic, mask };
}

/**
 * What is written to `register` of binfmt_misc (the kernel's admin-guide, "Kernel Support for miscellaneous Binary Formats").
 * `F`: the interpreter is opened now, so it need not be seen where a program starts. `P`: it is told the program's own
 * `argv[0]`. `interpreter` is a path without `:`; a relative one is looked for where the writer is.
 */
export function registrationLine(name: string, kind: ElfKind, interpreter: string): string {
  const { magic, mask } = magicOf(kind);
  return `:${name}:M::${escaped(magic)}:${escaped(mask)}:${interpreter}:PF`;
}

function escaped(bytes: Buffer): string {
  return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}
