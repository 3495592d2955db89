import { constants, readFileSync, statSync } from 'node:fs';
import { access, lstat, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessDeviceFailed } from '../domain/errno.ts';

/** Whether a file of any kind is there, at the end of any symbolic links; false where no permission lets it be seen. */
export function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, unlessDeviceFailed(false));
}

/** The same at once. */
export function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (cause) {
    return unlessDeviceFailed(false)(cause);
  }
}

/** Whether there is an entry of this name, a dangling symbolic link too; false where no permission lets it be seen. */
export function entryExists(path: string): Promise<boolean> {
  return lstat(path).then(() => true, unlessDeviceFailed(false));
}

/** Whether this process may read a file. */
export function isReadable(path: string): Promise<boolean> {
  return allows(path, constants.R_OK);
}

/** Whether this process may execute a file, or enter a folder. */
export function isExecutable(path: string): Promise<boolean> {
  return allows(path, constants.X_OK);
}

function allows(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

/** Name and version of this program, from the `package.json` in its own folder. */
export function readTool(home: string): { readonly name: string; readonly version: string } {
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
  return { name: 'provision', version };
}
