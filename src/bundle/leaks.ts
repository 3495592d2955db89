import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import type { ElfFile } from './elf.ts';

/** Says what is wrong with a built program as a program for the target: wrong machine, interpreter, or search path. */
export function checkProgram(name: string, file: ElfFile | undefined, target: Target): Failure | undefined {
  if (target.elf === undefined) return undefined;
  if (file === undefined) {
    return {
      code: 'build/not-elf',
      what: `The built ${name} is not an ELF file.`,
      fix: ["Check `target` in the recipe and the linker that the project's own .cargo/config.toml may set."],
    };
  }
  const searchPath = file.rpath ?? file.runpath;
  const problems = [
    file.machine === target.elf.machine
      ? ''
      : `its machine is ${file.machine}, ${target.elf.machine} was expected`,
    file.interpreter === undefined || file.interpreter === target.elf.interpreter
      ? ''
      : `its program interpreter is ${file.interpreter}, ${target.elf.interpreter ?? 'none'} was expected`,
    // Without an interpreter nothing would load them.
    target.elf.interpreter !== undefined || file.needed.length === 0
      ? ''
      : `it needs ${file.needed.join(', ')}, and the target's programs are static`,
    searchPath === undefined || searchPath.split(':').every((path) => path.startsWith('$ORIGIN'))
      ? ''
      : `it looks for libraries in ${searchPath}, a path of the machine that built it`,
  ].filter((problem) => problem !== '');
  if (problems.length === 0) return undefined;
  return {
    code: 'build/leak',
    what: `The built ${name} would not run on another ${target.rustTriple} machine: ${problems.join('; ')}.`,
    fix: [
      'Look for a linker, `link-arg` or `rpath` set by the project itself (.cargo/config.toml, build.rs, RUSTFLAGS in the recipe).',
    ],
  };
}
