/** What a bench measures when no recipe is named: the first that the README shows. */
export const DEFAULT_RECIPE = 'aarch64';

/** What the bench of WebAssembly measures when no recipe is named. */
export const WASM_RECIPE = 'wasm32-wasip1';
