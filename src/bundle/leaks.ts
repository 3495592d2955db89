import { createReadStream } from 'node:fs';
import type { PythonDistribution } from '../domain/python.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import type { ElfFile } from './elf.ts';

/** The settings of a project that can cause a leak. */
const CHECK_PROJECT =
  'Check the project for a linker, `link-arg` or `rpath` setting (.cargo/config.toml, build.rs, RUSTFLAGS in the recipe).';

export interface ProgramCheck {
  readonly name: string;
  /** Undefined where it is not an ELF file, or a damaged one. */
  readonly file: ElfFile | undefined;
  readonly target: Target;
  readonly python: Pick<PythonDistribution, 'linkage' | 'libName' | 'version'>;
}

/** Checks that a built program runs on the target. The failure is the first problem found, with the others in `also`. */
export function checkProgram({ name, file, target, python }: ProgramCheck): Failure | undefined {
  if (target.elf === undefined) return undefined;
  if (file === undefined) return notElf(name);
  return first([
    machine(name, file, target),
    interpreter(name, file, target),
    searchPath(name, file),
    // Without a program interpreter nothing would load them.
    target.elf.interpreter === undefined && file.needed.length > 0 ? needsLibraries(name, file) : undefined,
    libpython(name, file, python),
  ]);
}

/** The same for a shared library or extension module in the bundle. */
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
    file.machine === elf?.number ? '' : `its ELF machine number is ${file.machine}`,
    file.bits === pointerWidth ? '' : `it is ${file.bits}-bit`,
    file.endianness === endianness ? '' : `it is ${file.endianness}-endian`,
  ].filter((problem) => problem !== '');
  if (problems.length === 0) return undefined;
  return {
    code: 'build/wrong-machine',
    what: `${name} is for another machine: ${problems.join(', ')}.`,
    why: `The target is ${elf?.machine} (number ${elf?.number}), ${pointerWidth}-bit, ${endianness}-endian.`,
    fix: [CHECK_PROJECT],
  };
}

function interpreter(name: string, file: ElfFile, { elf }: Target): Failure | undefined {
  if (file.interpreter === undefined || file.interpreter === elf?.interpreter) return undefined;
  return {
    code: 'build/wrong-interpreter',
    what: `${name} has the program interpreter ${file.interpreter}, which systems of the target do not have.`,
    why: `The target's program interpreter is ${elf?.interpreter ?? 'none: its programs are static'}.`,
    fix: [CHECK_PROJECT],
  };
}

/** Search paths must be relative to the file itself: any other path is one of the build machine. */
function searchPath(name: string, file: ElfFile): Failure | undefined {
  const absolute = [file.rpath, file.runpath]
    .flatMap((paths) => paths?.split(':') ?? [])
    .filter((path) => !/^\$(ORIGIN|\{ORIGIN\})(\/|$)/.test(path));
  if (absolute.length === 0) return undefined;
  return {
    code: 'build/leak-rpath',
    what: `${name} searches libraries in ${absolute.map((path) => path || 'the current folder').join(', ')}, a path of the build machine.`,
    fix: [
      CHECK_PROJECT,
      '`-Wl,-rpath,$ORIGIN/../lib` is set already, so the libraries of the bundle are found without it.',
    ],
  };
}

function needsLibraries(name: string, { needed }: ElfFile): Failure {
  return {
    code: 'build/leak-library',
    what: `${name} needs ${needed.join(', ')}, but programs of the target are static.`,
    fix: [CHECK_PROJECT],
  };
}

/** The program must not be linked with a Python other than the sysroot's. */
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
    why: `The sysroot has CPython ${python.version}, ${python.linkage === 'static' ? 'static: no libpython is loaded' : own}.`,
    fix: [
      "Check for a build script that takes another Python's flags (python3-config), and for `PYO3_…` variables in `project.env` of the recipe.",
    ],
  };
}

function notElf(name: string): Failure {
  return {
    code: 'build/not-elf',
    what: `${name} is not a complete ELF file.`,
    fix: ["Check `target` in the recipe, and whether the project's .cargo/config.toml sets a linker."],
  };
}

/** A folder whose path an artifact must not contain. */
export interface Needle {
  /** Absolute. */
  readonly folder: string;
  /** e.g. `the project`. */
  readonly of: string;
}

/** A path found in a file. */
export interface Mention {
  readonly needle: Needle;
  readonly text: string;
}

const CHUNK = 1 << 20;
/** Bytes of a path shown in messages. */
const SHOWN = 120;

/** Finds paths below the given folders in a file: the first mention for each folder. */
export async function findPaths(file: string, needles: readonly Needle[]): Promise<readonly Mention[]> {
  const patterns = needles.map((needle) => ({ needle, bytes: Buffer.from(`${needle.folder}/`) }));
  const found = new Map<Needle, string>();
  const overlap = Math.max(0, ...patterns.map(({ bytes }) => bytes.length)) + SHOWN;
  let before = Buffer.alloc(0);
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>) {
    const bytes = Buffer.concat([before, chunk]);
    for (const { needle, bytes: name } of patterns) {
      if (found.has(needle)) continue;
      const at = bytes.indexOf(name);
      if (at >= 0) found.set(needle, printable(bytes.subarray(at, at + SHOWN)));
    }
    before = Buffer.from(bytes.subarray(Math.max(0, bytes.length - overlap)));
  }
  return [...found].map(([needle, text]) => ({ needle, text }));
}

/** The folders specific enough to search for: `/app` or `/usr/local` occur in programs for unrelated reasons. */
export function distinctive(needles: readonly Needle[]): readonly Needle[] {
  return needles.filter(({ folder }) => {
    const parts = folder.split('/').filter(Boolean);
    return parts.length > (['usr', 'etc', 'var', 'opt'].includes(parts[0] ?? '') ? 2 : 1);
  });
}

function printable(bytes: Buffer): string {
  return /^\P{Cc}*/u.exec(bytes.toString('utf8'))?.[0] ?? '';
}

/** The failure for a program that contains paths of the build machine. */
export function pathLeak(name: string, mentions: readonly Mention[]): Failure | undefined {
  if (mentions.length === 0) return undefined;
  return {
    code: 'build/leak-path',
    what: `${name} contains ${mentions.length === 1 ? 'a path' : 'paths'} of the build machine.`,
    why: 'Builds do not see these paths, so they come from the sources, their configuration, or `project.env` of the recipe.',
    fix: ['Remove the path; files that the program reads must be part of the bundle.'],
    evidence: mentions.map(({ needle, text }) => `${needle.of}: ${text}`),
  };
}
