/** What a platform may lack and a sample may require; each is described in docs/samples.md. */
export const FACILITIES = ['threads', 'subprocess', 'sockets', 'signals', 'files', 'symlinks'] as const;

/** `module:NAME`: a module of the standard library that some builds leave out. */
export const MODULE_PREFIX = 'module:';

/** Marks a module that a target lacks among what it has. */
export const LACKING = 'without-module:';

const MODULE = /^module:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/;

export function isFacility(word: string): boolean {
  return (FACILITIES as readonly string[]).includes(word) || MODULE.test(word);
}

/** The first facility that is required and not there; `module:*` stands for every module but those named as lacking. */
export function missingFacility(
  requires: readonly string[],
  capabilities: readonly string[],
): string | undefined {
  return requires.find((word) => {
    if (!word.startsWith(MODULE_PREFIX)) return !capabilities.includes(word);
    const name = word.slice(MODULE_PREFIX.length);
    if (capabilities.includes(`${LACKING}${name}`)) return true;
    return !capabilities.includes(word) && !capabilities.includes(`${MODULE_PREFIX}*`);
  });
}
