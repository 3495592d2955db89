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

/** Distinguishes an exit of qemu's user mode from the program's. `emulator` is the name of the emulator program. */
export function readQemuExit(exit: Exit, emulator: string): ExitCause {
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

function emulatorSignal(signal: string, stderr: string, reported: boolean): string | undefined {
  if (!CORE_SIGNALS.has(signal)) return undefined;
  const fault = EMULATOR_FAULTS.map((pattern) => pattern.exec(stderr)?.[0]).find(
    (line) => line !== undefined,
  );
  if (fault !== undefined) return `failed itself: ${fault}`;
  if (reported) return undefined;
  return `ended with ${signal} and did not say that the program got it`;
}

function notStarted(exit: Exit, stderr: string): string | undefined {
  // EXIT_FAILURE, or the 255 that `exit(-1)` gives.
  if (exit.status !== 1 && exit.status !== 255) return undefined;
  const output = `${Buffer.from(exit.stdout).toString('utf8')}${stderr}`;
  if (!NOT_STARTED.some((pattern) => pattern.test(output))) return undefined;
  return `did not start the program: ${output.trimEnd()}`;
}
