import { join } from 'node:path';
import { distribution } from '../../distro/distribution.ts';
import type { Plan } from '../../domain/plan.ts';
import { ok, type Result } from '../../domain/result.ts';
import { formatBytes } from '../../domain/units.ts';
import { fetchPackages } from '../../fetch/fetch.ts';
import { readLock } from '../../lock/lockfile.ts';
import type { Session } from '../../pipeline/session.ts';
import { imageHere } from '../../recipe/definitions.ts';
import { makeTree } from '../../toolchain/tree.ts';
import type { Bench, Turn, TurnRun } from '../turns.ts';

const IMAGE = 'counters';
const AT = '/opt/counters';

/** A program that counts the instructions which another one executes in user space. */
export interface Counter {
  readonly program: 'perf stat' | 'callgrind';
  readonly why: string;
  counted(turn: Turn): Turn;
  /** Undefined where the program said no number. */
  read(run: TurnRun): number | undefined;
}

/** Folder of the tree that holds the counting programs, and where a bench is to show it. */
export async function makeCounters(session: Session): Promise<Result<{ folder: string; at: string }>> {
  const { context, store, recorder } = session;
  const image = await imageHere(context.settings.home, IMAGE);
  if (!image.ok) return image;
  const { file, definition } = image.value;
  const lock = await readLock(file, definition);
  if (!lock.ok) return lock;
  const packages = lock.value.sets.rootfs ?? [];
  const stage = 'counters';
  const tree = await recorder.stage(
    stage,
    `Instruction counters ${IMAGE}`,
    () =>
      makeTree(context, store, {
        name: definition.name,
        stage,
        definition: definition.rootfs,
        packages,
        files: async function* () {
          yield* fetchPackages(
            context,
            store,
            packages,
            await distribution.locate(context, [lock.value.resolved]),
            {
              stage,
            },
          );
        },
      }),
    ({ hit, meta }) => ({ hit, detail: `${meta.packages} packages, ${formatBytes(meta.bytes)}` }),
  );
  return tree.ok ? ok({ folder: tree.value.folder, at: AT }) : tree;
}

/** perf where the processor's counters can be read, else callgrind. */
export async function chooseCounter(bench: Bench, plan: Plan, script: string): Promise<Result<Counter>> {
  const perf = perfCounter(plan);
  if (perf === undefined) return ok(callgrind('the target names no dynamic linker to start perf with'));
  const taken = await bench.take({ perf: perf.counted(bench.python(script)) }, { rounds: 1, warmUp: 0 });
  if (!taken.ok) return taken;
  const run = taken.value.perf?.[0];
  if (run !== undefined && perf.read(run) !== undefined) return ok(perf);
  // Where the kernel knows no such event, perf counts others and says nothing of it.
  const said = run?.stderr?.split('\n').find((line) => /<not |rror|denied|permitted/.test(line));
  const why = said === undefined ? '' : ` (${said.trim().slice(0, 60)})`;
  return ok(callgrind(`perf stat finds no counter of instructions on this machine${why}`));
}

/** Through its own dynamic linker: the libraries that perf needs must not reach the program that it counts (ld.so(8)). */
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
    counted: (turn) => ({ ...turn, keep: true, still: true, argv: [...start, ...turn.argv] }),
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
      still: true,
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
