import type { Exit } from '../engine/engine.ts';
import { classifyWasmExit } from './classify-wasm.ts';

/** Who ended a run, and what the emulator itself wrote on the program's stderr. */
export interface Blame {
  readonly by: 'program' | 'emulator';
  /** One sentence, when it was the emulator. */
  readonly why?: string;
  /** Where the program was ended by a trap of WebAssembly: which one. */
  readonly trap?: string;
  /** The program's own stderr: what the emulator wrote about a program's signal is taken out. */
  readonly stderr: Uint8Array;
  readonly messages: readonly string[];
}

/**
 * Signals whose default action dumps core (signal(7)). For these, and only these, qemu's user mode says that the
 * *program* got one (`dump_core_and_abort` in qemu's linux-user/signal.c).
 */
const CORE_SIGNALS = new Set([
  'SIGQUIT',
  'SIGILL',
  'SIGTRAP',
  'SIGABRT',
  'SIGIOT',
  'SIGBUS',
  'SIGFPE',
  'SIGSEGV',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGSYS',
]);

/** Written when the emulated program gets a signal that it does not handle; children of the program have it too. */
const PROGRAM_SIGNAL = /qemu: uncaught target signal \d+ \([^)\n]*\) - core dumped\n/g;

/** What qemu writes when it fails itself: its own fault, a failed assertion, an event it has no answer to. */
const EMULATOR_FAULTS: readonly RegExp[] = [
  /^qemu-[\w-]+: QEMU internal SIG\w+ \{code=[^}\n]*\}$/m,
  /^(?:Bail out! )?ERROR:\.\.?\/(?:\S*\/)?(?:accel|tcg|linux-user|target|util|hw|plugins|gdbstub|common-user)\/\S*:\d+:.*$/m,
  /^qemu-[\w-]+: \S+\.[ch]:\d+: .*Assertion `.*' failed\.$/m,
  /^(?:\S*\/)?tcg\/\S+:\d+: tcg fatal error$/m,
  /^qemu: (?:0x[0-9a-f]+: )?unhandled CPU exception 0x[0-9a-f]+ - aborting$/m,
];

/** Lines that are all there is when qemu could not start the program: another architecture, no loader, no memory. */
const NOT_STARTED: readonly RegExp[] = [
  /^qemu-[\w-]+: .+\n$/,
  /^Error while loading .+: .+\n$/,
  /^The selected .+ CPU does not support .+\n$/,
];

/**
 * Tells an emulator's end from the program's. `emulator` is the name of the emulator program, absent for a program
 * that runs natively; qemu's user mode and engines for WebAssembly have their own rules.
 */
export function classifyEmulatorExit(emulator: string | undefined, exit: Exit): Blame {
  if (emulator === 'wasmtime' || emulator === 'node-wasi') return classifyWasmExit(emulator, exit);
  if (emulator === undefined || !emulator.startsWith('qemu-'))
    return { by: 'program', stderr: exit.stderr, messages: [] };
  const stderr = Buffer.from(exit.stderr).toString('utf8');
  const messages = stderr.match(PROGRAM_SIGNAL) ?? [];
  const own = {
    stderr: messages.length === 0 ? exit.stderr : withoutMessages(exit.stderr),
    messages: messages.map((line) => line.trimEnd()),
  };
  const why =
    exit.signal === undefined
      ? notStarted(exit, stderr)
      : emulatorSignal(exit.signal, stderr, messages.length > 0);
  return why === undefined
    ? { by: 'program', ...own }
    : { by: 'emulator', why: `${emulator} ${why}`, ...own };
}

/** Latin-1 maps every byte to one character and back: the rest stays as it is, UTF-8 or not. */
function withoutMessages(stderr: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(stderr).toString('latin1').replaceAll(PROGRAM_SIGNAL, ''), 'latin1');
}

function emulatorSignal(signal: string, stderr: string, saidSo: boolean): string | undefined {
  if (!CORE_SIGNALS.has(signal)) return undefined;
  const fault = EMULATOR_FAULTS.map((pattern) => pattern.exec(stderr)?.[0]).find(
    (line) => line !== undefined,
  );
  if (fault !== undefined) return `failed itself: ${fault}`;
  if (saidSo) return undefined;
  return `ended with ${signal} and did not say that the program got it`;
}

function notStarted(exit: Exit, stderr: string): string | undefined {
  // EXIT_FAILURE, or the 255 that `exit(-1)` gives.
  if (exit.status !== 1 && exit.status !== 255) return undefined;
  const said = `${Buffer.from(exit.stdout).toString('utf8')}${stderr}`;
  if (!NOT_STARTED.some((pattern) => pattern.test(said))) return undefined;
  return `did not start the program: ${said.trimEnd()}`;
}
