import type { Observation, SampleFailureKind } from '../domain/sample.ts';
import { firstDifferentLine, unifiedDiff } from './diff.ts';
import { DISK_LIMIT, OUTPUT_LIMIT, type Run } from './observe.ts';

/** Why a sample does not pass. */
export interface Difference {
  readonly kind: SampleFailureKind;
  /** For users, no full stop. */
  readonly reason: string;
  readonly diff?: string;
}

/** Compares two runs byte for byte; nothing when they are equal. */
export function compare(reference: Run, target: Run, timeoutSeconds: number): Difference | undefined {
  return stopped(reference, target, timeoutSeconds) ?? differing(reference, target);
}

/** A run that did not exit by itself cannot be compared. */
export function stopped(reference: Run, target: Run, timeoutSeconds: number): Difference | undefined {
  if (reference.end === 'itself' && target.end === 'itself') return undefined;
  const diff = diffOf(reference, target);
  const shown = diff === '' ? {} : { diff };
  const also = reference.end === target.end ? ', and so did the reference' : '';
  switch (target.end) {
    case 'emulator':
      return { kind: 'emulator-crash', reason: target.why ?? 'the emulator failed', ...shown };
    case 'time':
      return {
        kind: 'time-limit',
        reason: `ran into the time limit of ${timeoutSeconds} s${also}`,
        ...shown,
      };
    case 'output':
      return {
        kind: 'output-limit',
        reason: `printed more than ${OUTPUT_LIMIT / 1024 / 1024} MiB${also}`,
        ...shown,
      };
    case 'disk':
      return { kind: 'disk-limit', reason: `${filled()}${also}`, ...shown };
    default:
      return {
        kind: 'reference-failed',
        reason: `the reference ${reference.why ?? limitOf(reference.end, reference.limitSeconds ?? timeoutSeconds)}`,
        ...shown,
      };
  }
}

function limitOf(end: Run['end'], timeoutSeconds: number): string {
  if (end === 'time') return `ran into the time limit of ${timeoutSeconds} s`;
  return end === 'disk' ? filled() : `printed more than ${OUTPUT_LIMIT / 1024 / 1024} MiB`;
}

function filled(): string {
  return `wrote more than ${DISK_LIMIT / 1024 / 1024} MiB to the disk`;
}

function differing(reference: Run, target: Run): Difference | undefined {
  // A program that has such words itself has them on the reference, too.
  if (target.started !== undefined && !equal(reference.stderr, target.stderr)) {
    return { kind: 'emulator-crash', reason: target.started, diff: diffOf(reference, target) };
  }
  if (reference.started !== undefined && !equal(reference.stderr, target.stderr)) {
    return {
      kind: 'reference-failed',
      reason: `the reference: ${reference.started}`,
      diff: diffOf(reference, target),
    };
  }
  const exits = describeExit(reference.exit) !== describeExit(target.exit);
  const streams = (['stdout', 'stderr'] as const).filter((name) => !equal(reference[name], target[name]));
  if (!exits && streams.length === 0) return undefined;
  const reasons = [
    ...(exits ? [`${describeExit(target.exit)}, the reference's was ${describeExit(reference.exit)}`] : []),
    ...streams.map(
      (name) => `${name} differs from line ${firstDifferentLine(reference[name], target[name])} on`,
    ),
  ];
  const diff = diffOf(reference, target);
  return {
    kind: exits ? 'exit-differs' : 'output-differs',
    reason: reasons.join('; '),
    ...(diff === '' ? {} : { diff }),
  };
}

function diffOf(reference: Run, target: Run): string {
  return (['stdout', 'stderr'] as const)
    .filter((name) => !equal(reference[name], target[name]))
    .map((name) => unifiedDiff(name, reference[name], target[name]))
    .join('');
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function describeExit(exit: Observation['exit']): string {
  if ('status' in exit) return `exit status ${exit.status}`;
  // The message of a trap of WebAssembly stands for itself.
  return exit.signal.startsWith('SIG') ? `signal ${exit.signal}` : exit.signal;
}
