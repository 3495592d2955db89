import { join } from 'node:path';
import { measure } from '../../store/walk.ts';

/** Milliseconds between two looks: what is written meanwhile may exceed the limit. */
const LOOK_MS = 250;

export interface DiskWatch {
  /** Ends the watch; whether the limit is exceeded now. */
  end(): Promise<boolean>;
}

/**
 * Looks again and again at how many bytes lie in the folders that a command may write, and reports once that they are more
 * than `maximum`.
 */
export function watchDisk(folders: readonly string[], maximum: number, onExceeded: () => void): DiskWatch {
  let ended = false;
  let timer: NodeJS.Timeout | undefined;
  const exceeded = async (): Promise<boolean> => {
    const sizes = await Promise.all(folders.map((folder) => measure(folder)));
    return sizes.reduce((sum, { bytes }) => sum + bytes, 0) > maximum;
  };
  const look = async (): Promise<void> => {
    // What cannot be measured now is at the end, where the command's own failure is looked at.
    if (await exceeded().catch(() => false)) onExceeded();
    else if (!ended) timer = setTimeout(look, LOOK_MS);
  };
  timer = setTimeout(look, LOOK_MS);
  return {
    end: () => {
      ended = true;
      clearTimeout(timer);
      return exceeded();
    },
  };
}

/** The folders of the host that a command may write: its own, and the scratch folders of its sandbox. */
export function writableFolders(sandbox: string, run: string): readonly string[] {
  return [run, join(sandbox, 'scratch')];
}
