/** What a bench measures when no recipe is named: the first that the README shows. */
export const DEFAULT_RECIPE = 'aarch64';
