import type { Result } from '../domain/result.ts';

/** What tells programs of one machine from those of another: elf(5), the identification and `e_machine`. */
export interface ElfKind {
  readonly pointerWidth: 32 | 64;
  readonly endianness: 'little' | 'big';
  /** `e_machine`. */
  readonly number: number;
}

/** How programs of another machine are started by the programs of a sandbox. */
export interface Emulation {
  /** What stands before a program's path: the emulator, as an absolute path of the sandbox, and its options. */
  readonly launcher: readonly [string, ...string[]];
  readonly elf: ElfKind;
}

/** What becomes of a program of another machine that a program in a sandbox starts. */
export type EmulationSupport =
  /** The kernel hands it to the emulator: registered for the sandbox alone, in its user namespace. */
  | { readonly by: 'sandbox' }
  /** The same, by what the machine has registered. */
  | { readonly by: 'host' }
  /** It does not start: execve(2), ENOEXEC. */
  | {
      readonly by: 'none';
      /** A sentence. */
      readonly why: string;
      readonly fix: readonly string[];
      /** Words of the system. */
      readonly evidence: readonly string[];
    };

/** Asks once for each kind of programs; what failed is asked again. */
export function oncePerKind(
  find: (elf: ElfKind) => Promise<Result<EmulationSupport>>,
): (elf: ElfKind) => Promise<Result<EmulationSupport>> {
  const known = new Map<string, Promise<Result<EmulationSupport>>>();
  return async (elf) => {
    const key = `${elf.number} ${elf.pointerWidth} ${elf.endianness}`;
    const asked = known.get(key) ?? find(elf);
    known.set(key, asked);
    const found = await asked;
    if (!found.ok) known.delete(key);
    return found;
  };
}
