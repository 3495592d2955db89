import { meaningOf } from '../domain/errno.ts';
import type { Failure } from '../failure.ts';

/**
 * The failure that an error stands for which no stage expected, where the operating system refused something for
 * reasons of its own; undefined for any other error, which is a bug.
 */
export function systemFailure(error: unknown): Failure | undefined {
  const meaning = meaningOf(error);
  if (meaning === undefined) return undefined;
  const { path, message } = error as NodeJS.ErrnoException;
  return {
    code: 'engine/system-refused',
    what: `The operating system refused ${path === undefined ? 'what was asked of it' : `access to ${path}`}: ${meaning.says}.`,
    fix: [meaning.fix],
    evidence: [message],
  };
}

/** Standard output could not be written: what was to be there is lost. */
export function outputLost(error: NodeJS.ErrnoException): Failure {
  const meaning = meaningOf(error);
  return {
    code: 'store/output',
    what: `Standard output could not be written${meaning === undefined ? '' : `: ${meaning.says}`}.`,
    fix: [...(meaning === undefined ? [] : [meaning.fix]), 'Or send it to another file.'],
    evidence: [error.message],
  };
}

/** The folder that the command was given in is gone. */
export function noWorkingFolder(): Failure {
  return {
    code: 'usage/no-working-folder',
    what: 'The folder that this command was started in does not exist any more.',
    fix: ['Go to one that does: `cd ~`, or `cd "$PWD"` where it was made anew.'],
  };
}
