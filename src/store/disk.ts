import { errorCode } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { systemFailure } from '../exec/system-error.ts';
import type { Failure } from '../failure.ts';

/** Runs a step that touches the disk; the disk's own errors become failures, anything else is a bug and is thrown. */
export async function onDisk<T>(path: string, step: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await step());
  } catch (cause) {
    const failure = diskFailure(cause, path);
    if (failure) return err(failure);
    throw cause;
  }
}

/**
 * Runs a step that fills a folder of the store and may read and write elsewhere as well: what the disk refuses outside of
 * the store is a failure, too, but nothing that another store would mend.
 */
export async function onDiskOf<T>(store: string, step: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await step();
  } catch (cause) {
    const { path } = cause as NodeJS.ErrnoException;
    const inside = path === undefined || path === store || path.startsWith(`${store}/`);
    const failure = (inside ? diskFailure(cause, store) : undefined) ?? systemFailure(cause);
    if (failure === undefined) throw cause;
    return err(failure);
  }
}

/**
 * The failure that an error of the operating system stands for; undefined for other errors.
 * Meanings of the codes: errno(3). `path` is named where the error does not carry a path itself.
 */
export function diskFailure(cause: unknown, path: string): Failure | undefined {
  const code = errorCode(cause);
  const error = cause as NodeJS.ErrnoException;
  const describe = code === 'ENOENT' && error.syscall === 'mkdir' ? notMade : DISK_ERRORS[code ?? ''];
  if (!describe) return undefined;
  return { ...describe(error.path ?? path), evidence: [error.message] };
}

const noSpace = (path: string, why: string): Failure => ({
  code: 'store/no-space',
  what: `No space left to write ${path}.`,
  why,
  fix: [
    'Free space there: `provision clean` removes what has not been used lately, `df -h` and `df -i` show what is left.',
    'Or put the store on a larger disk with `--store <folder>`.',
  ],
});

const readOnly = (path: string): Failure => ({
  code: 'store/read-only',
  what: `${path} is on a file system that is mounted read-only.`,
  fix: ['Choose a writable folder with `--store <folder>`, or mount that file system writable.'],
});

const notWritable = (path: string): Failure => ({
  code: 'store/not-writable',
  what: `No permission to write ${path}.`,
  fix: [
    'Choose a folder of your own with `--store <folder>`.',
    'Or give it to yourself: `sudo chown -R "$(id -un)"` on the store (it may have been made with sudo).',
  ],
});

const notAFolder = (path: string): Failure => ({
  code: 'store/not-a-folder',
  what: `${path} cannot be used: a part of that path is not a folder.`,
  fix: ['Choose another folder with `--store <folder>`, or move the file that is in the way.'],
});

const tooLong = (path: string): Failure => ({
  code: 'store/name-too-long',
  what: `The file system does not take a name as long as ${path}.`,
  fix: ['Choose a shorter path, or another file system, with `--store <folder>`.'],
});

const broken = (path: string): Failure => ({
  code: 'store/disk-error',
  what: `The disk failed at ${path}.`,
  fix: ['Check `dmesg` for errors of that disk.', 'Put the store on another disk with `--store <folder>`.'],
});

const tooManyFiles = (path: string): Failure => ({
  code: 'store/too-many-open-files',
  what: `Too many files are open to open ${path} as well.`,
  fix: ['Raise the limit with `ulimit -n 4096`, or take fewer jobs with `--jobs`.'],
});

/** Where Node makes a folder with those above it and is refused one of them, it says of the next one that there is no place for it. */
const notMade = (path: string): Failure => ({
  code: 'store/disk-error',
  what: `${path} could not be made: a folder above it is missing.`,
  why: 'The file system refused one that was just made, or something else removed it.',
  fix: [
    'Run the same command again while nothing else removes files there.',
    'Or put the store on another file system with `--store <folder>`.',
  ],
});

const DISK_ERRORS: Readonly<Record<string, (path: string) => Failure>> = {
  ENOSPC: (path) => noSpace(path, 'The file system is full (or out of inodes).'),
  EDQUOT: (path) => noSpace(path, 'Your disk quota is used up.'),
  EROFS: readOnly,
  EACCES: notWritable,
  EPERM: notWritable,
  ENOTDIR: notAFolder,
  ELOOP: notAFolder,
  ENAMETOOLONG: tooLong,
  EIO: broken,
  EREMOTEIO: broken,
  EUCLEAN: broken,
  ESTALE: broken,
  EMFILE: tooManyFiles,
  ENFILE: tooManyFiles,
};
