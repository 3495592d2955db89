import { constants } from 'node:os';

/** What an error of the operating system says, and what helps. */
interface Meaning {
  /** As in errno(3): `ENOSPC`. */
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
  EREMOTEIO: { says: 'the device failed', fix: 'Look for errors of that device in `dmesg`.' },
  EUCLEAN: { says: 'that file system is damaged', fix: 'Have it checked: `fsck`, after it is unmounted.' },
  ESTALE: { says: 'that file is gone from its server', fix: 'Mount that network file system again.' },
  ENAMETOOLONG: { says: 'that path is too long', fix: 'Work in a folder with a shorter path.' },
  ENOTDIR: { says: 'a part of that path is not a folder', fix: 'Move the file that is in the way.' },
  ELOOP: { says: 'its symbolic links go in a circle', fix: 'Remove the link that is in the way.' },
  EBADF: { says: 'it is closed', fix: 'Start the command with its standard streams open.' },
};

/**
 * `ENOENT` and the like; undefined for an error that does not come from the operating system. Node names only those that
 * libuv knows: EDQUOT, ESTALE and others come as `Unknown system error -122` or, of `writeSync` and the like, as `UNKNOWN`, with
 * their number.
 */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, errno } = error as NodeJS.ErrnoException;
  if (code !== 'UNKNOWN' && !code?.startsWith('Unknown system error')) return code;
  return Object.entries(NUMBERS).find(([, number]) => number === -(errno ?? 0))?.[0] ?? code;
}

/** With a number that Node has no name for: errno(3) on Linux. */
const NUMBERS: Readonly<Record<string, number>> = { ...constants.errno, EUCLEAN: 117, EREMOTEIO: 121 };

/** The meaning of an error of the operating system; undefined for any other, and for what a program brings about itself. */
export function meaningOf(error: unknown): Meaning | undefined {
  const code = errorCode(error);
  const known = code !== undefined && Object.hasOwn(REFUSALS, code) ? REFUSALS[code] : undefined;
  return known === undefined ? undefined : { name: code as string, ...known };
}

/** For `catch`: nothing is there, or no file. Other refusals are thrown, for they do not tell what is there. */
export function absentAsUndefined(cause: unknown): undefined {
  if (['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP'].includes(errorCode(cause) ?? '')) return undefined;
  throw cause;
}

/** What a device or this process is refused, not the path: whether something is there is not known then. */
const NOT_OF_THE_PATH: readonly string[] = [
  ...['EIO', 'EREMOTEIO', 'EUCLEAN', 'ESTALE'],
  ...['EMFILE', 'ENFILE', 'ENOMEM'],
];

/**
 * For `catch` where what cannot be had is done without: the work goes on with `instead`. An error that does not tell what is
 * there is thrown: to go on would be to build from something else.
 */
export function unlessDeviceFailed<T>(instead: T): (cause: unknown) => T {
  return (cause) => {
    if (NOT_OF_THE_PATH.includes(errorCode(cause) ?? '')) throw cause;
    return instead;
  };
}
