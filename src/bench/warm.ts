import { dirname, join } from 'node:path';
import { execPath } from 'node:process';
import type { Invocation, Outcome } from '../commands/command.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { isThere } from '../exec/files.ts';
import { entryPoint, HOME } from '../exec/home.ts';
import { type ProcessExit, runProcess } from '../exec/process.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { namedRecipe } from './default-recipe.ts';
import { environment, median } from './measure.ts';
import { type Row, roundsOf, table } from './rows.ts';

/** Where `--rounds` does not say how many: each takes a fraction of a second. */
const ROUNDS = 21;

/** Of each command; the first makes what is missing, the second finds all of it, the third has nothing to do. */
const WARM_UPS = 3;

/** A command against a Node that does nothing: how many times as long it may take. */
const COMMANDS: readonly {
  readonly what: string;
  readonly args: readonly string[];
  readonly most: number;
}[] = [
  { what: '`--version`', args: ['--version'], most: 1.3 },
  { what: '`--help`', args: ['--help'], most: 1.3 },
  { what: '`list`', args: ['list'], most: 1.3 },
  { what: '`completion bash`', args: ['completion', 'bash'], most: 1.3 },
];

const MOST_RUN_MS = 200;
const MOST_RUN = 4;
const MOST_MB = 90;

/** Writes a process's own peak at its end: VmHWM in kB, proc_pid_status(5). */
const TELL_PEAK = `data:text/javascript,${encodeURIComponent(
  `import fs from 'node:fs'; process.once('exit', () => fs.writeSync(2, fs.readFileSync('/proc/self/status', 'utf8').match(/^VmHWM:.*/m)[0] + '\\n'));`,
)}`;

/** `provision bench warm`: commands with nothing to do, started as a user does, against `node -e 0`. */
export async function benchWarm(invocation: Invocation): Promise<Result<Outcome>> {
  return withTemporaryFolder(invocation.context.settings.store, 'bench', (folder) =>
    measureAll(invocation, folder),
  );
}

async function measureAll(invocation: Invocation, folder: string): Promise<Result<Outcome>> {
  const counted = roundsOf({ ...invocation, values: { rounds: String(ROUNDS), ...invocation.values } });
  if (!counted.ok) return counted;
  const recipe = namedRecipe(invocation);
  const run = ['run', recipe, '--quiet', '--store', invocation.context.settings.store];
  const commands = [...COMMANDS, { what: `\`run ${recipe}\`, nothing changed`, args: run, most: MOST_RUN }];
  const start = (argv: readonly [string, ...string[]]) => startOne(invocation, folder, argv);
  for (let i = 0; i < WARM_UPS; i++) {
    for (const { args } of commands) {
      const warmed = await start(commandLine(args));
      if (!warmed.ok) return warmed;
    }
  }
  const bare: number[] = [];
  const times = commands.map((): number[] => []);
  for (let round = 0; round < counted.value; round++) {
    const nothing = await start([execPath, '-e', '0']);
    if (!nothing.ok) return nothing;
    bare.push(nothing.value.ms);
    for (const [i, { args }] of commands.entries()) {
      const done = await start(commandLine(args));
      if (!done.ok) return done;
      times[i]?.push(done.value.ms);
    }
  }
  const peak = await start([
    execPath,
    '--disable-warning=ExperimentalWarning',
    '--import',
    TELL_PEAK,
    entryPoint(),
    ...run,
  ]);
  if (!peak.ok) return peak;
  const rows = [
    ...commands.map(({ what, most }, i) => commandRow(what, most, times[i] ?? [], bare)),
    peakRow(Number(/^VmHWM:\s+(\d+)/m.exec(textOf(peak.value.stderr))?.[1])),
  ];
  return ok({ text: table('With nothing to do', rows), json: { recipe, rounds: counted.value, rows } });
}

/** Through the launcher in a checkout. */
function commandLine(args: readonly string[]): readonly [string, ...string[]] {
  const launcher = join(HOME, 'provision');
  return isThere(launcher) ? [launcher, ...args] : [execPath, entryPoint(), ...args];
}

async function startOne(
  { context }: Invocation,
  folder: string,
  argv: readonly [string, ...string[]],
): Promise<Result<ProcessExit>> {
  const exit = await runProcess({
    argv,
    env: {
      ...environment(context),
      PATH: `${dirname(execPath)}:/usr/local/bin:/usr/bin:/bin`,
      PROVISION_CACHE: join(folder, 'cache'),
      NODE_COMPILE_CACHE: join(folder, 'cache', 'compile'),
    },
    cwd: folder,
    signal: context.signal,
  });
  if (!exit.ok || exit.value.status === 0) return exit;
  return err({
    code: 'engine/bench-run',
    what: `\`${argv.join(' ')}\` ended with status ${exit.value.status ?? exit.value.signal}.`,
    fix: ['Check that the command itself runs.'],
    evidence: textOf(exit.value.stderr).trimEnd().split('\n').slice(-20),
  });
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

/** Ratios are of the two sides of each round, which ran one after the other. */
function commandRow(what: string, most: number, runs: readonly number[], bare: readonly number[]): Row {
  const ratio = median(runs.map((ms, i) => ms / (bare[i] as number)));
  const ms = median(runs);
  const isRun = most === MOST_RUN;
  return {
    ...{ what, ms, runs },
    against: { what: '`node -e 0`', ms: median(bare), runs: bare, ratio },
    goal: `${isRun ? `≤ ${MOST_RUN_MS} ms and ` : ''}≤ ${most}× \`node -e 0\``,
    met: ratio <= most && (!isRun || ms <= MOST_RUN_MS),
  };
}

function peakRow(peakKb: number): Row {
  const mb = peakKb / 1000;
  const what = 'peak memory of the run';
  return {
    what,
    ms: 0,
    runs: [peakKb],
    goal: `≤ ${MOST_MB} MB`,
    met: mb <= MOST_MB,
    note: `${mb.toFixed(0)} MB`,
  };
}
