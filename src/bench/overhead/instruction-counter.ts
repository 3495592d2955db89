import { join } from 'node:path';
import type { Plan } from '../../domain/plan.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Session } from '../../pipeline/session.ts';
import { makeImageTree } from '../image-tree.ts';
import type { Bench, CommandRun, InterleavedCommand } from '../interleave.ts';

const IMAGE = 'counters';
const AT = '/opt/counters';

/** A program that counts the instructions that another program executes in user space. */
export interface Counter {
  readonly program: 'perf stat' | 'callgrind';
  readonly why: string;
  counted(command: InterleavedCommand): InterleavedCommand;
  /** Undefined where the program printed no count. */
  read(run: CommandRun): number | undefined;
}

/** Folder of the tree that holds the counting programs, and its mount point in the sandbox. */
export async function makeCounters(session: Session): Promise<Result<{ folder: string; at: string }>> {
  const made = await makeImageTree(session, IMAGE, { stage: 'counters', title: 'Instruction counters' });
  return made.ok ? ok({ folder: made.value.tree.folder, at: AT }) : made;
}

/** Chooses perf where the processor's counters can be read, else callgrind. */
export async function chooseCounter(bench: Bench, plan: Plan, script: string): Promise<Result<Counter>> {
  const perf = perfCounter(plan);
  if (perf === undefined) return ok(callgrind('the target names no dynamic linker to start perf with'));
  const measurements = await bench.run(
    { perf: perf.counted(bench.python(script)) },
    { rounds: 1, warmUp: 0 },
  );
  if (!measurements.ok) return measurements;
  const run = measurements.value.perf?.[0];
  if (run !== undefined && perf.read(run) !== undefined) return ok(perf);
  // Where the kernel does not support the event, perf leaves it out without an error.
  const message = run?.stderr?.split('\n').find((line) => /<not |rror|denied|permitted/.test(line));
  const why = message === undefined ? '' : ` (${message.trim().slice(0, 60)})`;
  return ok(callgrind(`perf stat cannot count instructions on this machine${why}`));
}

/** Started through the dynamic linker: the library path for perf must not be inherited by the counted program (ld.so(8)). */
function perfCounter({ target }: Plan): Counter | undefined {
  const loader = target.elf?.interpreter;
  if (loader === undefined) return undefined;
  const start = [
    ...[loader, '--library-path', `${AT}/usr/lib/${target.multiarch}`],
    ...[`${AT}/usr/bin/perf`, 'stat', '-x', ';', '-e', 'instructions:u', '--'],
  ];
  return {
    program: 'perf stat',
    why: "the processor's own counters can be read here",
    counted: (command) => ({ ...command, keep: true, fixedLayout: true, argv: [...start, ...command.argv] }),
    // perf-stat(1), "CSV FORMAT": value; unit; event.
    read: ({ stderr }) => numberIn(stderr, /^(\d+);[^;]*;instructions/m),
  };
}

function callgrind(why: string): Counter {
  const start = [join(AT, 'usr/bin/valgrind.bin'), '--tool=callgrind', '--callgrind-out-file=/dev/null'];
  return {
    program: 'callgrind',
    why,
    counted: (turn) => ({
      ...turn,
      keep: true,
      fixedLayout: true,
      argv: [...start, ...turn.argv],
      env: { ...turn.env, VALGRIND_LIB: `${AT}/usr/libexec/valgrind` },
    }),
    read: ({ stderr }) => numberIn(stderr, /Collected : (\d+)/),
  };
}

function numberIn(text: string | undefined, pattern: RegExp): number | undefined {
  const found = pattern.exec(text ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}
