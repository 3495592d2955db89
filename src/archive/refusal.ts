import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { diskFailure } from '../store/disk.ts';

/**
 * Carries a failure out of the callbacks of the tar parser, which have no other way back. `refusable` turns it into a
 * value again.
 */
export class Refusal extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.what);
    this.failure = failure;
  }
}

/** Runs a step of unpacking; its refusals and the errors of the disk become failures, anything else is a bug. */
export async function refusable<T>(file: string, step: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await step());
  } catch (cause) {
    if (cause instanceof Refusal) return err(cause.failure);
    const failure = diskFailure(cause, file);
    if (failure) return err(failure);
    throw cause;
  }
}

const FETCH_AGAIN = 'Run `provision clean --all` and the same command again: the file is fetched again.';
const REPORT = 'Do not use this file; report it to those who publish it.';

export function truncated(archive: string, why: string, evidence?: readonly string[]): Failure {
  return {
    code: 'archive/truncated',
    what: `${archive} ends too early.`,
    why,
    fix: [FETCH_AGAIN],
    ...(evidence && { evidence }),
  };
}

export function corrupt(archive: string, why: string, evidence?: readonly string[]): Failure {
  return {
    code: 'archive/corrupt',
    what: `${archive} is damaged.`,
    why,
    fix: [FETCH_AGAIN],
    ...(evidence && { evidence }),
  };
}

export function escapesRoot(archive: string, name: string): Failure {
  return {
    code: 'archive/escapes-root',
    what: `${archive} contains a name that leads outside of its folder: ${quote(name)}.`,
    fix: [REPORT],
  };
}

export function deviceNode(archive: string, name: string, type: string): Failure {
  return {
    code: 'archive/device-node',
    what: `${archive} holds ${quote(name)}, a ${type}: no package of files needs one.`,
    fix: [REPORT],
  };
}

export function tooLarge(archive: string, name: string, limit: string): Failure {
  return {
    code: 'archive/too-large',
    what: `${archive} unpacks to more than ${limit}, at ${quote(name)}.`,
    fix: [REPORT, 'If the set of packages is meant to be that large, split it.'],
  };
}

export function missingLinkTarget(archive: string, name: string, target: string): Failure {
  return {
    code: 'archive/missing-link-target',
    what: `${archive} holds ${quote(name)} as a hard link to ${quote(target)}, which is not there.`,
    fix: [REPORT],
  };
}

export function conflict(archive: string, name: string, why: string): Failure {
  return {
    code: 'archive/conflict',
    what: `${archive} cannot put ${quote(name)} in place.`,
    why,
    fix: [
      'Leave that path out with `exclude:` in the definition, or take one of the packages out of the set.',
    ],
  };
}

export function badName(archive: string, name: string): Failure {
  return {
    code: 'archive/bad-name',
    what: `${archive} holds a name that is not UTF-8 text or holds a zero byte: ${quote(name)}.`,
    fix: ['Leave that path out with `exclude:` in the definition.'],
  };
}

export function unsupported(archive: string, why: string): Failure {
  return {
    code: 'archive/unsupported',
    what: `${archive} has an unsupported format.`,
    why,
    fix: ['Take another version of the package.'],
  };
}

export function noXz(): Failure {
  return {
    code: 'archive/no-xz',
    what: 'The program `xz` is missing: it is needed to unpack packages.',
    fix: ['Install it: the package is `xz-utils` or `xz`, depending on the system.'],
  };
}

/** Makes control characters visible, so that a hostile name cannot control the terminal. */
function quote(name: string): string {
  const shown = JSON.stringify(name.length > 300 ? `${name.slice(0, 300)}…` : name);
  return shown.replace(/[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
