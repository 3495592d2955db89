import type { Resolved, WasmSettings } from '../domain/definitions.ts';
import { PATHS } from '../engine/paths.ts';
import { programAt } from './bundled.ts';
import { SCRATCH_AT, SUITE_AT } from './instance.ts';

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
 * Options of `wasmtime run` that give a program what it sees: the bundle, the suite and the working folder, all at the
 * paths that the reference has them at.
 */
export function programOptions(resolved: Pick<Resolved, 'crate'>, program: string): readonly string[] {
  return [
    ...[PATHS.interpreter, SUITE_AT, SCRATCH_AT].flatMap((path) => ['--dir', path]),
    ...['-S', 'inherit-env', '--env', `ISOLATE_CWD=${SCRATCH_AT}`],
    ...(needsHome(resolved) ? ['--env', `PYTHONHOME=${PATHS.interpreter}`] : []),
    ...['--argv0', programAt(program)],
  ];
}
