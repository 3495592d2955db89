import type { Failure } from '../failure.ts';

interface Meaning {
  readonly name: string;
  readonly says: string;
  readonly fix: string;
}

/** What the operating system can refuse to any program at any moment: errno(3). */
const REFUSALS: Readonly<Record<string, Omit<Meaning, 'name'>>> = {
  EMFILE: { says: 'this process may not open more files', fix: 'Raise the limit: `ulimit -n 4096`.' },
  ENFILE: { says: 'the machine may not open more files', fix: 'End other programs, or raise `fs.file-max`.' },
  EAGAIN: {
    says: 'it has no room for another process or thread now',
    fix: 'Raise the limit with `ulimit -u`, or take fewer jobs with `--jobs`.',
  },
  ENOMEM: { says: 'it is out of memory', fix: 'Take fewer jobs with `--jobs`, or end other programs.' },
  ENOSPC: {
    says: 'there is no space left',
    fix: 'Free some: `df -h` and `df -i` show where it is used up.',
  },
  EDQUOT: { says: 'your disk quota is used up', fix: 'Remove files of yours there.' },
  EFBIG: {
    says: 'a file may not become that large',
    fix: 'Raise the limit: `ulimit -f unlimited`.',
  },
  EROFS: { says: 'that file system is mounted read-only', fix: 'Work in a folder that can be written.' },
  EACCES: { says: 'you have no permission', fix: 'Look at its owner and mode with `ls -ld`.' },
  EPERM: { says: 'you have no permission', fix: 'Look at its owner and mode with `ls -ld`.' },
  EIO: { says: 'the device failed', fix: 'Look for errors of that device in `dmesg`.' },
  ENAMETOOLONG: { says: 'that path is too long', fix: 'Work in a folder with a shorter path.' },
  ENOTDIR: { says: 'a part of that path is not a folder', fix: 'Move the file that is in the way.' },
  ELOOP: { says: 'its symbolic links go in a circle', fix: 'Remove the link that is in the way.' },
  EBADF: { says: 'it is closed', fix: 'Start the command with its standard streams open.' },
};

function meaningOf(error: unknown): Meaning | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const known = code !== undefined && Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : undefined;
  return known === undefined ? undefined : { name: code as string, ...known };
}

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
