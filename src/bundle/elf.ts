import type { Context } from '../domain/context.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Sandbox } from '../engine/engine.ts';
import { runTool } from '../engine/tool.ts';

/** What the dynamic section and headers of one ELF file say. */
export interface ElfFile {
  /** As `readelf -h` prints it, e.g. `AArch64`. */
  readonly machine: string;
  /** `elf32` or `elf64`. */
  readonly interpreter?: string;
  readonly soname?: string;
  /** DT_NEEDED, in order. */
  readonly needed: readonly string[];
  readonly rpath?: string;
  readonly runpath?: string;
}

export interface ReadElfOptions {
  readonly sandbox: Sandbox;
  /** Program name of binutils' readelf in the sandbox. */
  readonly readelf: string;
  /** Paths in the sandbox. */
  readonly files: readonly string[];
  readonly log: string;
}

/** Reads many ELF files with one run of binutils' `readelf`, which knows every machine. Files that are no ELF are left out. */
export async function readElf(
  context: Context,
  options: ReadElfOptions,
): Promise<Result<ReadonlyMap<string, ElfFile>>> {
  // With one file readelf prints no "File:" line: a second one that is no ELF keeps the format the same.
  const argv = [options.readelf, '-hldW', ...options.files, '/etc/passwd'] as [string, ...string[]];
  const run = await options.sandbox.run({ argv, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' }, cwd: '/' });
  if (!run.ok) return run;
  if (run.value.stdout.length === 0) {
    return runTool(context, options.sandbox, {
      stage: 'bundle',
      code: 'build/readelf',
      doing: 'Reading the built files',
      fix: ['Check that the toolchain image has binutils.'],
      log: options.log,
      command: { argv, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' }, cwd: '/' },
    }) as Promise<Result<never>>;
  }
  return ok(parseReadelf(Buffer.from(run.value.stdout).toString('utf8')));
}

/** Parses the output of `readelf -hldW` for several files (binutils' wide format in the C locale). */
export function parseReadelf(text: string): ReadonlyMap<string, ElfFile> {
  const files = new Map<string, ElfFile>();
  for (const part of text.split(/^File: /m).slice(1)) {
    const end = part.indexOf('\n');
    const path = part.slice(0, end);
    const body = part.slice(end);
    const machine = /^\s*Machine:\s+(.+?)\s*$/m.exec(body)?.[1];
    if (machine === undefined) continue;
    const one = (pattern: RegExp): string | undefined => pattern.exec(body)?.[1];
    files.set(path, {
      machine,
      ...optional('interpreter', one(/\[Requesting program interpreter: (.+)\]/)),
      ...optional('soname', one(/\(SONAME\)\s+Library soname: \[(.*)\]/)),
      needed: [...body.matchAll(/\(NEEDED\)\s+Shared library: \[(.*)\]/g)].map((match) => match[1] as string),
      ...optional('rpath', one(/\(RPATH\)\s+Library rpath: \[(.*)\]/)),
      ...optional('runpath', one(/\(RUNPATH\)\s+Library runpath: \[(.*)\]/)),
    });
  }
  return files;
}

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}
