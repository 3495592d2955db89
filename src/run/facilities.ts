/** What a platform may lack and a sample may require; each is told in docs/samples.md. */
export const FACILITIES = ['threads', 'subprocess', 'sockets', 'signals', 'files', 'symlinks'] as const;

/** `module:NAME`: a module of the standard library that some builds leave out. */
export const MODULE_PREFIX = 'module:';

const MODULE = /^module:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

export function isFacility(word: string): boolean {
  return (FACILITIES as readonly string[]).includes(word) || MODULE.test(word);
}

/** The first facility that is required and not there; `module:*` stands for every module. */
export function missingFacility(
  requires: readonly string[],
  capabilities: readonly string[],
): string | undefined {
  return requires.find(
    (word) =>
      !capabilities.includes(word) &&
      !(word.startsWith(MODULE_PREFIX) && capabilities.includes(`${MODULE_PREFIX}*`)),
  );
}
