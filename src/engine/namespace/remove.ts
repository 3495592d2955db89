import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../../domain/errno.ts';
import { removeTree } from '../../store/temporary.ts';

const ATTEMPTS = 10;

/**
 * Removes a folder that programs of a sandbox wrote. Node's `rm` reports the first entry that it may not remove while it
 * still removes others, so what opens the folders up for a second go may find them gone: then it is tried again.
 */
export async function removeFolder(path: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await removeTree(path);
    } catch (cause) {
      const code = errorCode(cause);
      if ((code !== 'ENOENT' && code !== 'ENOTEMPTY') || attempt === ATTEMPTS) throw cause;
      await sleep(attempt * 10);
    }
  }
}
