import { closeSync, constants, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok, type Result } from '../../domain/result.ts';
import { runProcess } from '../../exec/process.ts';
import { cannotStart } from '../failures.ts';
import { TOOL_ENV } from '../tool-env.ts';
import type { Tools } from './tools.ts';

/** Two named pipes for the output of one command. */
export interface FifoPair {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Output goes through real pipes: what Node calls a pipe is a socket, and a program that opens `/dev/stdout` or
 * `/dev/stderr` gets "No such device or address" (open(2), ENXIO) from a socket. A pair serves one command at a time.
 */
export class Fifos {
  readonly #folder: string;
  readonly #tools: Tools;
  readonly #free: FifoPair[] = [];
  #made = 0;

  constructor(folder: string, tools: Tools) {
    this.#folder = folder;
    this.#tools = tools;
  }

  async take(signal: AbortSignal): Promise<Result<FifoPair>> {
    const free = this.#free.pop();
    if (free !== undefined) return ok(free);
    this.#made += 1;
    const folder = join(this.#folder, String(this.#made));
    await mkdir(folder, { recursive: true });
    const pair = { stdout: join(folder, 'stdout'), stderr: join(folder, 'stderr') };
    const made = await runProcess({
      argv: [this.#tools.mkfifo, '--mode=600', '--', pair.stdout, pair.stderr],
      env: TOOL_ENV,
      signal,
    });
    if (!made.ok) return made;
    if (made.value.status === 0) return ok(pair);
    return err(cannotStart('mkfifo', Buffer.from(made.value.stderr).toString('utf8').trim()));
  }

  giveBack(pair: FifoPair): void {
    this.#free.push(pair);
  }
}

/** Both ends of a named pipe, as file descriptors. */
export interface PipeEnds {
  readonly read: number;
  readonly write: number;
}

export function openFifo(path: string): PipeEnds {
  // Without waiting for a writer; the writer then finds a reader (fifo(7)).
  const read = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return { read, write: openSync(path, constants.O_WRONLY) };
  } catch (cause) {
    closeSync(read);
    throw cause;
  }
}
