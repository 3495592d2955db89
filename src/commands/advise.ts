import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { countOption } from '../bench/options.ts';
import { adviceText } from '../bench/tiers/advice-text.ts';
import { adviseScript } from '../bench/tiers/advise-script.ts';
import { calibrate } from '../bench/tiers/calibrate.ts';
import { withTiers } from '../bench/tiers/open.ts';
import { defined } from '../domain/defined.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Sample } from '../domain/sample.ts';
import { quoteWord } from '../domain/shell.ts';
import { isReadable } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { collectSamples } from '../run/collect.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import type { Command, Invocation, Outcome } from './command.ts';

const SECONDS = 30;
const ROUNDS = 3;

export const command: Command = {
  name: 'advise',
  summary: 'say in which tier a script is run best, and why',
  positionals: [{ name: 'script', required: true, completes: 'file' }],
  options: {
    calls: { type: 'string', value: '<n>', help: 'how often it is to be run (1)' },
    seconds: { type: 'string', value: '<s>', help: `how long one run may take (${SECONDS})` },
    rounds: { type: 'string', value: '<n>', help: `runs in each tier (${ROUNDS})` },
    tiers: { type: 'string', value: '<list>', help: 'only these, with commas (all that the store has)' },
  },
  examples: ['provision advise script.py', 'provision advise script.py --calls 1000 --json -- --size 3'],
  renders: false,
  run,
};

async function run(invocation: Invocation): Promise<Result<Outcome>> {
  const options = readOptions(invocation);
  if (!options.ok) return options;
  const { calls, rounds, seconds, names } = options.value;
  const sample = await readScript(invocation, seconds);
  if (!sample.ok) return sample;
  const { context } = invocation;
  return withTemporaryFolder(context.settings.store, 'advise', (folder) =>
    withTiers(context, { make: false, folder, ...defined({ names }) }, async (tiers) => {
      const calibrations = await calibrate(tiers, { folder, rounds: ROUNDS });
      if (!calibrations.ok) return calibrations;
      const advised = await adviseScript(tiers, calibrations.value, sample.value, { calls, rounds, folder });
      if (!advised.ok) return advised;
      return ok({ text: adviceText(advised.value.advice), json: advised.value.advice });
    }),
  );
}

interface Options {
  readonly calls: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly names?: readonly string[];
}

function readOptions(invocation: Invocation): Result<Options> {
  const calls = countOption(invocation, 'calls', 1);
  if (!calls.ok) return calls;
  const rounds = countOption(invocation, 'rounds', 1);
  if (!rounds.ok) return rounds;
  const seconds = countOption(invocation, 'seconds', 1);
  if (!seconds.ok) return seconds;
  const { tiers } = invocation.values;
  return ok({
    ...(tiers === undefined ? {} : { names: String(tiers).split(',') }),
    calls: calls.value ?? 1,
    rounds: rounds.value ?? ROUNDS,
    seconds: seconds.value ?? SECONDS,
  });
}

/** The script as a sample: its header counts (arguments, standard input), and arguments behind `--` take their place. */
async function readScript(
  { context, positionals, rest }: Invocation,
  seconds: number,
): Promise<Result<Sample>> {
  const given = positionals[0] as string;
  const file = resolve(context.settings.cwd, given);
  const info = await stat(file).catch(absentAsUndefined);
  const refused = info === undefined || info.isDirectory() || !(await isReadable(file));
  if (refused) return err(noScript(given, info));
  const samples = await collectSamples([file], { timeoutSeconds: seconds });
  if (!samples.ok) return samples;
  const [sample] = samples.value;
  if (sample === undefined) throw new Error('a file is one sample');
  return ok({ ...sample, timeoutSeconds: seconds, argv: rest.length > 0 ? rest : sample.argv });
}

/** `info`: what is there. */
function noScript(given: string, info: Stats | undefined): Failure {
  const common = { code: 'usage/no-script', what: `${given} is no script to advise on.` } as const;
  const word = quoteWord(given);
  if (info === undefined)
    return {
      ...common,
      why: 'There is no such file.',
      fix: [`Look for it: \`ls ${quoteWord(dirname(given))}\`.`],
    };
  if (info.isDirectory())
    return { ...common, why: 'It is a folder.', fix: [`Name a script in it: \`ls ${word}\`.`] };
  return { ...common, why: 'It may not be read.', fix: [`Permit it: \`chmod u+r ${word}\`.`] };
}
