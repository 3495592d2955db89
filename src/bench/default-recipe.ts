/** What a bench measures when no recipe is named: the first that the README shows. */
export const DEFAULT_RECIPE = 'aarch64';

/** What the bench of WebAssembly measures when no recipe is named. */
export const WASM_RECIPE = 'wasm32-wasip1';

/** The same beginning with an initialised interpreter: measured beside it. */
export const WASM_SNAPSHOT_RECIPE = 'wasm32-wasip1-snapshot';

/** What the bench of the samples measures when no recipe is named: one program, natively and emulated. */
export const SUITE_RECIPES = ['x86_64', 'aarch64'];

/** What the bench of the tax builds its cells of: the distribution's shared libpython, and one of our own inside the program. */
export const OVERHEAD_RECIPES = { shared: 'x86_64', static: 'native' };
