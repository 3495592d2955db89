import type { Resolved, WasmSettings } from '../domain/definitions.ts';
import { PATHS } from '../engine/paths.ts';
import { programAt } from './bundled.ts';
import { type RuntimeInstance, SCRATCH_AT, SUITE_AT } from './instance.ts';

/** The settings of a recipe whose target is WebAssembly; reading a recipe fills them in. */
export function wasmSettings({ recipe }: Pick<Resolved, 'recipe'>): WasmSettings {
  if (recipe.wasm === undefined) throw new Error(`the recipe ${recipe.name} has no settings for WebAssembly`);
  return recipe.wasm;
}

/** Whether the program has to be given its home: PyO3 starts Python by itself, and WASI reports no program its own path. */
export function needsHome({ crate }: Pick<Resolved, 'crate'>): boolean {
  return crate.pyo3?.autoInitialize === true;
}

/**
 * The command lines of a program, which sees the bundle, the suite and the working folder at the paths that the reference
 * has them at. An engine of WASI opens every folder that it is given before the program starts, and fails at one that is not
 * there: without a suite it is given none.
 */
export function wasiCommands(
  resolved: Pick<Resolved, 'crate' | 'recipe'>,
  program: string,
  [start, module]: readonly [readonly string[], string],
): Pick<RuntimeInstance, 'command' | 'commandWithoutSuite'> {
  const line = (folders: readonly string[]): readonly [string, ...string[]] =>
    [...start, ...programOptions(resolved, program, folders), module] as unknown as [string, ...string[]];
  // A snapshot has opened its folders already.
  const relative = wasmSettings(resolved).snapshot === true ? [] : [RELATIVE];
  return {
    command: line([PATHS.interpreter, SUITE_AT, SCRATCH_AT, ...(needsHome(resolved) ? relative : [])]),
    commandWithoutSuite: line([PATHS.interpreter, SCRATCH_AT, ...relative]),
  };
}

/** WASI has no working folder: relative paths are looked for where `.` is. The shipped program goes there by itself. */
const RELATIVE = `${SCRATCH_AT}::.`;

/** Options of `wasmtime run`, which our script for Node takes as well. */
function programOptions(
  resolved: Pick<Resolved, 'crate'>,
  program: string,
  folders: readonly string[],
): readonly string[] {
  return [
    ...folders.flatMap((path) => ['--dir', path]),
    ...['-S', 'inherit-env', '--env', `ISOLATE_CWD=${SCRATCH_AT}`],
    ...(needsHome(resolved) ? ['--env', `PYTHONHOME=${PATHS.interpreter}`] : []),
    ...['--argv0', programAt(program)],
  ];
}
