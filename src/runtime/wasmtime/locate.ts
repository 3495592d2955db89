import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import type { RuntimeDefinition } from '../../domain/definitions.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { isExecutable, isReadable } from '../../exec/files.ts';
import { runProcess } from '../../exec/process.ts';
import type { Failure } from '../../failure.ts';
import { digestFile } from '../../store/digest.ts';

/** A program of the machine. */
export interface LocatedWasmtime {
  readonly file: string;
  /** wasmtime itself, where it is a shared library beside the program. */
  readonly library?: string;
  readonly version: string;
  readonly digest: string;
}

const NAME = 'wasmtime';
const LIBRARY = 'libwasmtime.so';
const ANSWER_MS = 10_000;

/**
 * The `wasmtime` on PATH. Its command line is stable within a major version, so that has to be the locked one's.
 * Failures: `engine/wasmtime-missing`, `engine/wasmtime-version`.
 */
export async function locateWasmtime(
  context: Context,
  definition: RuntimeDefinition,
): Promise<Result<LocatedWasmtime>> {
  const file = await onPath(context.settings.path ?? []);
  if (file === undefined) return err(missing(definition));
  const run = await runProcess({
    argv: [file, '--version'],
    env: { PATH: '/usr/bin:/bin' },
    timeoutMs: ANSWER_MS,
    signal: context.signal,
  });
  if (!run.ok) return run;
  const output = Buffer.from(run.value.stdout).toString('utf8').trim();
  const version = /^wasmtime(?:-cli)? ([0-9]+\.[0-9]+\.[0-9]+)/.exec(output)?.[1];
  if (version === undefined || version.split('.')[0] !== definition.version.split('.')[0]) {
    return err(wrongVersion(file, output, definition));
  }
  const real = await realpath(file);
  const library = join(dirname(real), LIBRARY);
  const digest = (await digestFile(real)).digest;
  return ok({ file: real, version, digest, ...((await isReadable(library)) ? { library } : {}) });
}

async function onPath(folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const file = join(folder, NAME);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

function missing({ version }: RuntimeDefinition): Failure {
  return {
    code: 'engine/wasmtime-missing',
    what: 'The recipe asks for the `wasmtime` of this machine, and there is none on PATH.',
    fix: [
      `Install wasmtime ${version.split('.')[0]}, or add its folder to PATH.`,
      'Or write `wasmtime: pinned` in the recipe: provision then brings the locked one.',
    ],
  };
}

function wrongVersion(file: string, output: string, { version }: RuntimeDefinition): Failure {
  return {
    code: 'engine/wasmtime-version',
    what: `The \`wasmtime\` of this machine, ${file}, does not fit: version ${version.split('.')[0]} is required.`,
    why: output === '' ? 'It printed no version.' : `It prints "${output.split('\n')[0]}".`,
    fix: [
      `Install wasmtime ${version.split('.')[0]}, or write \`wasmtime: pinned\` in the recipe: provision then brings the locked one.`,
    ],
  };
}
