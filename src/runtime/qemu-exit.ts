import { constants } from 'node:os';
import { defined } from '../domain/defined.ts';
import type { Exit } from '../engine/engine.ts';
import type { ExitCause } from './exit.ts';

/**
 * Signals whose default action dumps core (signal(7)). For these, and only these, qemu's user mode reports that
 * the *program* got one (`dump_core_and_abort` in qemu's linux-user/signal.c).
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

/** Written when an emulated program gets a signal that it does not handle: the one that was run, or one that it started. */
const PROGRAM_SIGNAL = /qemu: uncaught target signal (\d+) \([^)\n]*\) - core dumped\n/g;

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

/** Distinguishes an exit of qemu's user mode from the program's. `emulator` is the name of the emulator program. */
export function readQemuExit(exit: Exit, emulator: string): ExitCause {
  const stderr = Buffer.from(exit.stderr).toString('utf8');
  const messages = [...stderr.matchAll(PROGRAM_SIGNAL)];
  const own = {
    stderr: messages.length === 0 ? exit.stderr : withoutMessages(exit.stderr),
    messages: messages.map(([line]) => line.trimEnd()),
  };
  const signals = messages.map(([, number]) => Number(number));
  const why =
    exit.signal !== undefined && CORE_SIGNALS.has(exit.signal)
      ? emulatorSignal(exit.signal, stderr, signals)
      : notStarted(exit, stderr);
  // A fault in what the program started does not end the program: the words are all that is seen of it.
  const fault = why === undefined ? faultIn(stderr) : undefined;
  const started =
    fault === undefined
      ? undefined
      : `${emulator} failed itself in a program that was started by this one: ${fault}`;
  return why === undefined
    ? { by: 'program', ...own, ...defined({ started }) }
    : { by: 'emulator', why: `${emulator} ${why}`, ...own };
}

/** Latin-1 maps every byte to one character and back: the rest stays as it is, UTF-8 or not. */
function withoutMessages(stderr: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(stderr).toString('latin1').replaceAll(PROGRAM_SIGNAL, ''), 'latin1');
}

/** `reported`: numbers of the signals that programs got; what one of its children got does not end the program. */
function emulatorSignal(signal: string, stderr: string, reported: readonly number[]): string | undefined {
  const fault = faultIn(stderr);
  if (fault !== undefined) return `failed itself: ${fault}`;
  // The numbers of these signals are the same on every machine that is emulated here.
  if (reported.includes(constants.signals[signal as NodeJS.Signals])) return undefined;
  return `ended with ${signal} and did not say that the program got it`;
}

function faultIn(stderr: string): string | undefined {
  return EMULATOR_FAULTS.map((pattern) => pattern.exec(stderr)?.[0]).find((line) => line !== undefined);
}

function notStarted(exit: Exit, stderr: string): string | undefined {
  // EXIT_FAILURE, or the 255 that `exit(-1)` gives.
  if (exit.status !== 1 && exit.status !== 255) return undefined;
  const output = `${Buffer.from(exit.stdout).toString('utf8')}${stderr}`;
  if (!NOT_STARTED.some((pattern) => pattern.test(output))) return undefined;
  return `did not start the program: ${output.trimEnd()}`;
}
