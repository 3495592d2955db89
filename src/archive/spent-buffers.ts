import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { readonly type: 'minor' }) => void;

/** Bytes read between two collections. */
const INTERVAL = 8 << 20;

let collect: Collect | undefined;
let read = 0;

/**
 * Counts bytes that were read into buffers which are of no more use, and has the collector free them every few
 * megabytes. By itself it waits for tens of megabytes in each thread, and with as many processors as threads all of
 * them stand at their highest at once. Source: the flag `--expose-gc` of V8, `gc({ type: 'minor' })`.
 */
export function spend(bytes: number): void {
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
