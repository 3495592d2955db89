import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { readonly type: 'minor' }) => void;

/** Bytes read between two collections. */
const INTERVAL = 8 << 20;

let collect: Collect | undefined;
let read = 0;

/**
 * Counts bytes of buffers that are no longer used, and runs a minor garbage collection every few megabytes. By itself
 * the collector waits for tens of megabytes in each thread, and with as many processors as threads all of them reach
 * their peak at once. Source: the flag `--expose-gc` of V8, `gc({ type: 'minor' })`.
 */
export function countReleased(bytes: number): void {
  read += bytes;
  if (read < INTERVAL) return;
  read = 0;
  collect ??= collector();
  collect({ type: 'minor' });
}

function collector(): Collect {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}
