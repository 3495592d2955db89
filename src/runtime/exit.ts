import type { Exit } from '../engine/engine.ts';

/** Who ended a run, and what the emulator itself wrote on the program's stderr. */
export interface ExitCause {
  readonly by: 'program' | 'emulator';
  /** One sentence, when it was the emulator. */
  readonly why?: string;
  /** What reads as if the emulator had failed in a program that this one started: one sentence, unless the program says so itself. */
  readonly started?: string;
  /** Where the program was ended by a trap of WebAssembly: which one. */
  readonly trap?: string;
  /** The program's own stderr: what the emulator wrote about a program's signal is taken out. */
  readonly stderr: Uint8Array;
  readonly messages: readonly string[];
}

/** The exit of a program that nothing stands around: its own. */
export function programExit(exit: Exit): ExitCause {
  return { by: 'program', stderr: exit.stderr, messages: [] };
}
