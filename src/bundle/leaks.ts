import { createReadStream } from 'node:fs';
import type { PythonDistribution } from '../domain/python.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import type { ElfFile } from './elf.ts';

/** Where a project itself may have set what leaks. */
const LOOK =
  'Look for a linker, `link-arg` or `rpath` set by the project itself (.cargo/config.toml, build.rs, RUSTFLAGS in the recipe).';

export interface ProgramCheck {
  readonly name: string;
  /** Undefined: it is no ELF file, or a damaged one. */
  readonly file: ElfFile | undefined;
  readonly target: Target;
  readonly python: Pick<PythonDistribution, 'linkage' | 'libName' | 'version'>;
}

/** Says what is wrong with a built program as a program for the target; every mistake found, the first as the failure. */
export function checkProgram({ name, file, target, python }: ProgramCheck): Failure | undefined {
  if (target.elf === undefined) return undefined;
  if (file === undefined) return notElf(name);
  return first([
    machine(name, file, target),
    interpreter(name, file, target),
    searchPath(name, file),
    // Without an interpreter nothing would load them.
    target.elf.interpreter === undefined && file.needed.length > 0 ? needsLibraries(name, file) : undefined,
    libpython(name, file, python),
  ]);
}

/** The same for a shared library or extension module that travels with the program. */
export function checkLibrary(name: string, file: ElfFile | undefined, target: Target): Failure | undefined {
  if (target.elf === undefined) return undefined;
  return file === undefined ? notElf(name) : first([machine(name, file, target), searchPath(name, file)]);
}

function first(found: readonly (Failure | undefined)[]): Failure | undefined {
  const [failure, ...also] = found.filter((one) => one !== undefined);
  return failure === undefined || also.length === 0 ? failure : { ...failure, also };
}

function machine(
  name: string,
  file: ElfFile,
  { elf, pointerWidth, endianness }: Target,
): Failure | undefined {
  const problems = [
    file.machine === elf?.number ? '' : `its machine is number ${file.machine}`,
    file.bits === pointerWidth ? '' : `it has ${file.bits} bits`,
    file.endianness === endianness ? '' : `its bytes are in ${file.endianness}-endian order`,
  ].filter((problem) => problem !== '');
  if (problems.length === 0) return undefined;
  return {
    code: 'build/wrong-machine',
    what: `${name} is for another machine: ${problems.join(', ')}.`,
    why: `The target is ${elf?.machine} (number ${elf?.number}), ${pointerWidth} bits, ${endianness}-endian.`,
    fix: [LOOK],
  };
}

function interpreter(name: string, file: ElfFile, { elf }: Target): Failure | undefined {
  if (file.interpreter === undefined || file.interpreter === elf?.interpreter) return undefined;
  return {
    code: 'build/wrong-interpreter',
    what: `${name} asks to be started by ${file.interpreter}, which the target's systems do not have.`,
    why: `Theirs is ${elf?.interpreter ?? 'none: programs are static'}.`,
    fix: [LOOK],
  };
}

/** Search paths must begin at the file itself: any other path is one of the machine that built it. */
function searchPath(name: string, file: ElfFile): Failure | undefined {
  const foreign = [file.rpath, file.runpath]
    .flatMap((paths) => paths?.split(':') ?? [])
    .filter((path) => !/^\$(ORIGIN|\{ORIGIN\})(\/|$)/.test(path));
  if (foreign.length === 0) return undefined;
  return {
    code: 'build/leak-rpath',
    what: `${name} looks for libraries in ${foreign.map((path) => path || 'the current folder').join(', ')}, a path of the machine that built it.`,
    fix: [LOOK, '`-Wl,-rpath,$ORIGIN/../lib` is set already: the libraries of a bundle are found from it.'],
  };
}

function needsLibraries(name: string, { needed }: ElfFile): Failure {
  return {
    code: 'build/leak-library',
    what: `${name} needs ${needed.join(', ')}, and the target's programs are static.`,
    fix: [LOOK],
  };
}

/** Never silently another Python than the sysroot's. */
function libpython(name: string, file: ElfFile, python: ProgramCheck['python']): Failure | undefined {
  const needed = file.needed.filter((library) => /^libpython\d/.test(library));
  const own = `lib${python.libName}.so`;
  const wrong = needed.filter(
    (library) => python.linkage === 'static' || (library !== own && !library.startsWith(`${own}.`)),
  );
  if (wrong.length === 0) return undefined;
  return {
    code: 'build/leak-libpython',
    what: `${name} is linked with ${wrong.join(', ')}, which is not the Python of the sysroot.`,
    why: `The sysroot has CPython ${python.version}, ${python.linkage === 'static' ? 'static: nothing is to be loaded' : own}.`,
    fix: [
      'Look for a build script that asks a Python of its own for its flags (python3-config), and for `PYO3_…` variables in `project.env` of the recipe.',
    ],
  };
}

function notElf(name: string): Failure {
  return {
    code: 'build/not-elf',
    what: `${name} is not a whole ELF file.`,
    fix: ["Check `target` in the recipe and the linker that the project's own .cargo/config.toml may set."],
  };
}

/** A folder whose name an artifact must not hold. */
export interface Needle {
  /** Absolute. */
  readonly folder: string;
  /** e.g. `the project`. */
  readonly of: string;
}

/** A name found in a file, with what follows it there. */
export interface Mention {
  readonly needle: Needle;
  readonly text: string;
}

const CHUNK = 1 << 20;
/** Bytes of a path that are shown. */
const SHOWN = 120;

/** Where a file holds paths below folders: the first mention of each. */
export async function findPaths(file: string, needles: readonly Needle[]): Promise<readonly Mention[]> {
  const wanted = needles.map((needle) => ({ needle, bytes: Buffer.from(`${needle.folder}/`) }));
  const found = new Map<Needle, string>();
  const overlap = Math.max(0, ...wanted.map(({ bytes }) => bytes.length)) + SHOWN;
  let before = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>) {
    const bytes = Buffer.concat([before, chunk]);
    for (const { needle, bytes: name } of wanted) {
      if (found.has(needle)) continue;
      const at = bytes.indexOf(name);
      if (at >= 0) found.set(needle, printable(bytes.subarray(at, at + SHOWN)));
    }
    before = Buffer.from(bytes.subarray(Math.max(0, bytes.length - overlap)));
  }
  return [...found].map(([needle, text]) => ({ needle, text }));
}

/** Folders of the machine that are worth looking for; `/app` or `/usr/local` stand in programs for reasons of their own. */
export function telling(needles: readonly Needle[]): readonly Needle[] {
  return needles.filter(({ folder }) => {
    const parts = folder.split('/').filter(Boolean);
    return parts.length > (['usr', 'etc', 'var', 'opt'].includes(parts[0] ?? '') ? 2 : 1);
  });
}

function printable(bytes: Buffer): string {
  return /^\P{Cc}*/u.exec(bytes.toString('utf8'))?.[0] ?? '';
}

/** The failure for a program that names folders of the machine it was built on. */
export function pathLeak(name: string, mentions: readonly Mention[]): Failure | undefined {
  if (mentions.length === 0) return undefined;
  return {
    code: 'build/leak-path',
    what: `${name} holds ${mentions.length === 1 ? 'a path' : 'paths'} of the machine that built it.`,
    why: 'No build sees them: they stand in the sources, in their configuration, or in `project.env` of the recipe.',
    fix: ['Remove the path from what names it; files that a program reads belong into its bundle.'],
    evidence: mentions.map(({ needle, text }) => `${needle.of}: ${text}`),
  };
}
