import { isDeepStrictEqual } from 'node:util';
import type { FailedStep } from '../domain/blocker.ts';
import type { Sample } from '../domain/sample.ts';
import type { Command } from '../engine/engine.ts';
import type { Run } from './observe.ts';
import type { Runs } from './result.ts';

/**
 * The target's run of a sample that failed, as a step: what it printed and the reference did not. A program may
 * fail by itself; an emulator's failure is never the program's. The standard output of one that ended as it should is
 * its answer, whatever words are in it.
 */
export function failedStep(
  { argv, env, cwd }: Command,
  { name }: Pick<Sample, 'name'>,
  { target, reference }: Runs,
): FailedStep {
  const expected = new Set(linesOf(reference));
  const answered = target.end === reference.end && isDeepStrictEqual(target.exit, reference.exit);
  // What the emulator says of signals may be of programs that this one started, which may crash on purpose.
  const emulator = answered || limited(target) ? [] : target.emulator;
  const said = linesOf({ ...target, emulator, ...(answered ? { stdout: new Uint8Array() } : {}) });
  return {
    ...{ stage: 'run', doing: `Running ${name}`, argv, env, cwd, place: 'sandbox' },
    exit: {
      ...target.exit,
      ...(limited(target) ? { limit: target.end } : {}),
    },
    ms: target.ms,
    output: said.filter((line) => !expected.has(line)).join('\n'),
    sample: name,
    knownOnly: target.end !== 'emulator',
  };
}

type Limited = Run & { readonly end: Exclude<Run['end'], 'itself' | 'emulator'> };

function limited(run: Run): run is Limited {
  return run.end !== 'itself' && run.end !== 'emulator';
}

function linesOf({ stdout, stderr, emulator, why }: Run): readonly string[] {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8').trimEnd();
  return [text(stdout), text(stderr), ...emulator, ...(why === undefined ? [] : [why])]
    .filter((part) => part !== '')
    .flatMap((part) => part.split('\n'));
}
