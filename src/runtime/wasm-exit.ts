import type { Exit } from '../engine/engine.ts';
import type { ExitCause } from './exit.ts';

/** Exit status after a trap: 128 and SIGABRT, as `wasmtime` has it. */
const TRAPPED = 134;

/** What a runtime prints last about a module that trapped. */
const TRAP =
  /Error: failed to run main module `[^`\n]*`\n\nCaused by:\n(?:[\s\S]*?\n)?\s*(?:\d+: )?(wasm trap: .+)\n[\s\S]*$/;

/** All there is on stderr when the runtime could not start the module. */
const NOT_STARTED =
  /^Error: (failed to (?!run main module)[^\n]+)\n\nCaused by:\n\s*([^\n]*)\n|^error: [^\n]*\n\nUsage: wasmtime/;

/**
 * Distinguishes a trap of the module (which no Python program causes by itself: stack or memory exhausted, `unreachable`,
 * out of fuel or time) and a runtime that did not start from the program's own exit, which is any other.
 */
export function readWasmExit(exit: Exit, runtime: string): ExitCause {
  const stderr = Buffer.from(exit.stderr).toString('latin1');
  const trap = exit.status === TRAPPED ? TRAP.exec(stderr) : null;
  if (trap !== null) {
    return {
      by: 'program',
      trap: trap[1] as string,
      stderr: Buffer.from(stderr.slice(0, trap.index), 'latin1'),
      messages: trap[0].trimEnd().split('\n'),
    };
  }
  const refused = exit.stdout.length === 0 ? NOT_STARTED.exec(stderr) : null;
  if (refused === null || (exit.status !== 1 && exit.status !== 2)) {
    return { by: 'program', stderr: exit.stderr, messages: [] };
  }
  const message = refused[1] === undefined ? stderr.trimEnd() : `${refused[1]}: ${refused[2]}`;
  return {
    by: 'emulator',
    why: `${runtime} did not start the program: ${message}`,
    stderr: exit.stderr,
    messages: stderr.trimEnd().split('\n'),
  };
}
