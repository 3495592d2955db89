import { elfProgram } from './elf-program.ts';
import { INSTRUCTIONS, type ProgramMachine } from './instructions.ts';

/** qemu-user(1): `-0`, the program's own `argv[0]`. */
const ARGV0 = '-0';

/** What the kernel leaves on the stack for an interpreter with the flag `P`, in words: the count, itself, path, `argv[0]`. */
const PATH = 2;
const OWN_NAME = 3;

/** Exit status of what cannot be started, as a shell has it. */
const NOT_STARTED = 127;

/**
 * The interpreter that is registered: it becomes the emulator, with its options. binfmt_misc itself passes none, and what the
 * emulator takes from the environment would be seen, or lost, by the programs. Of `interpreter path argv0 arguments…` it makes
 * `emulator options… -0 argv0 path arguments…` in place: the words before the path grow downwards from where the count was.
 */
export function starterProgram(machine: ProgramMachine, launcher: readonly [string, ...string[]]): Buffer {
  const words = [...launcher, ARGV0];
  const { elfMachine, prepare, swap, setWord, execute, exit } = INSTRUCTIONS[machine];
  return elfProgram(elfMachine, words, (address) => {
    const first = PATH - words.length;
    return Buffer.concat([
      prepare,
      swap(PATH, OWN_NAME),
      ...words.map((word, index) => setWord(first + index, address(word))),
      execute(first, first),
      exit(NOT_STARTED),
    ]);
  });
}
