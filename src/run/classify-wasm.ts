import type { Exit } from '../engine/engine.ts';
import type { Blame } from './classify.ts';

/** Status of an engine whose module trapped: 128 and SIGABRT, as `wasmtime` has it. */
const TRAPPED = 134;

/** Last words of an engine about a module that trapped; a program cannot come to its end after them. */
const TRAP =
  /Error: failed to run main module `[^`\n]*`\n\nCaused by:\n(?:[\s\S]*?\n)?\s*(?:\d+: )?(wasm trap: .+)\n[\s\S]*$/;

/** All there is on stderr when the engine could not start the module. */
const NOT_STARTED =
  /^Error: (failed to (?!run main module)[^\n]+)\n\nCaused by:\n\s*([^\n]*)\n|^error: [^\n]*\n\nUsage: wasmtime/;

/**
 * Tells a trap of the module (an end that no Python program brings about: stack or memory exhausted, `unreachable`, out
 * of fuel or time) and an engine that did not start from the program's own end, which is any other.
 */
export function classifyWasmExit(engine: string, exit: Exit): Blame {
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
  const said = refused[1] === undefined ? stderr.trimEnd() : `${refused[1]}: ${refused[2]}`;
  return {
    by: 'emulator',
    why: `${engine} did not start the program: ${said}`,
    stderr: exit.stderr,
    messages: stderr.trimEnd().split('\n'),
  };
}
