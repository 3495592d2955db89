import { resolve } from 'node:path';
import type { Invocation } from '../commands/command.ts';

/** The default recipe of a bench: the first one that the README shows. */
export const DEFAULT_RECIPE = 'aarch64';

/** The default recipe of `bench wasm`. */
export const WASM_RECIPE = 'wasm32-wasip1';

/** The same with an interpreter initialised in advance; measured beside it. */
export const WASM_SNAPSHOT_RECIPE = 'wasm32-wasip1-snapshot';

/** The default recipes of `bench suite`: one program, natively and emulated. */
export const SUITE_RECIPES = ['x86_64', 'aarch64'];

/**
 * The base recipes of `bench tax`: the distribution's shared libpython (a file of this package), and one built from source and
 * linked statically.
 */
export const OVERHEAD_RECIPES = { shared: 'runner/bench/packaged.yaml', static: 'native' };

/** The recipe that a bench was asked about, for runs that are started in another folder. */
export function namedRecipe({ positionals, context }: Pick<Invocation, 'positionals' | 'context'>): string {
  const named = positionals[1] ?? DEFAULT_RECIPE;
  return named.includes('/') ? resolve(context.settings.cwd, named) : named;
}
