import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { err, ok, type Result } from '../../domain/result.ts';
import { interrupted } from '../../failure.ts';
import type { Exit } from '../engine.ts';
import type { Machine } from './machine.ts';
import { type Run, start, stateAfter, statusOrSignal } from './run.ts';
import { demultiplex } from './streams.ts';

/** Milliseconds between one setting of the size and the next, at the start. */
const RESIZES_MS = [50, 100, 200, 400, 800];

/** Whether there is a terminal to hand over. */
export function haveTerminal(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true;
}

/** Hands standard input and output, a terminal or not, to a container until it ends. Throws what the API throws. */
export async function runInteractive(run: Run, terminal: boolean): Promise<Result<Exit>> {
  const { machine, command, container, signal } = run;
  const { containers } = machine.api;
  const stream = await containers.attach(container, 'both');
  const abort = (): void => void containers.kill(container).catch(() => {});
  const began = performance.now();
  const takeBack = connectInput(stream, terminal);
  try {
    const over = terminal
      ? showAll(stream)
      : demultiplex(stream, (name, chunk) => process[name].write(chunk));
    over.catch(() => {});
    const problem = await start(machine, container, command);
    if (problem !== undefined) return err(problem);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    const unfollow = terminal ? followSize(machine, container) : () => {};
    await over.finally(unfollow);
    if (signal.aborted) return err(interrupted());
    const { exitCode } = await stateAfter(machine, container);
    const ms = performance.now() - began;
    return ok({ ...statusOrSignal(exitCode), stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), ms });
  } finally {
    signal.removeEventListener('abort', abort);
    takeBack();
    stream.destroy();
  }
}

/** Every key goes to the program, Ctrl-C too: the terminal is the program's. Gives what undoes it. */
function connectInput(stream: Duplex, terminal: boolean): () => void {
  const { stdin } = process;
  if (terminal) stdin.setRawMode(true);
  // A program that reads nothing closes its end.
  stream.on('error', () => {});
  stdin.pipe(stream);
  return () => {
    stdin.unpipe(stream);
    if (terminal) stdin.setRawMode(false);
    // Read no further, or we would not come to an end.
    stdin.pause();
  };
}

/** A terminal has one stream, as it is. */
function showAll(stream: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => process.stdout.write(chunk));
    stream.once('end', resolve);
    stream.once('close', resolve);
    stream.once('error', reject);
  });
}

/**
 * A terminal that has just been started refuses a size, or takes it and forgets it (Docker 20.10): it is set a few
 * times more. The same size once more changes nothing, and one that has ended has none.
 */
async function repeatAtStart(resize: () => Promise<void>): Promise<void> {
  for (const pause of RESIZES_MS) {
    await resize().catch(() => {});
    await sleep(pause, undefined, { ref: false });
  }
}

/** The program's terminal has the size of ours, also when that changes. Gives what ends it. */
function followSize({ api }: Machine, container: string): () => void {
  const { stdout } = process;
  const setSize = (): Promise<void> => api.containers.resize(container, stdout.rows, stdout.columns);
  const resize = (): void => void setSize().catch(() => {});
  void repeatAtStart(setSize);
  stdout.on('resize', resize);
  return () => stdout.off('resize', resize);
}
