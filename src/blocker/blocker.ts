import type { Blocker, BlockerPattern, FailedStep } from '../domain/blocker.ts';
import { defined } from '../domain/defined.ts';
import { fill, lastLines, linesOf, type Match, matchesOf } from './classify.ts';
import { redactArguments, redactEnvironment, redactText } from './redact.ts';

/** What every blocker of a run has in common. */
export interface About {
  readonly recipe: string;
  readonly target: string;
  /** Folder of the artifacts below the artifacts folder: `blockers`, `probe`. */
  readonly folder: string;
  /** Program or package → version. */
  readonly versions: Readonly<Record<string, string>>;
  /** What cures may name: `{recipe}`, `{target}`, `{python}`, … */
  readonly values: Readonly<Record<string, string>>;
}

export interface Seen {
  /** Absent where there was no process: a check or a download of our own. */
  readonly step?: FailedStep;
  readonly stage: string;
  readonly doing: string;
  readonly output: string;
  readonly failure?: string;
}

/** The blocker that an output is; undefined where only a known one counts and none fits. Secrets are taken out. */
export function recognize(
  seen: Seen,
  about: About,
  catalogue: readonly BlockerPattern[],
  secrets: readonly string[],
): Blocker | undefined {
  const output = redactText(seen.output, secrets);
  const matches = matchesOf(catalogue, output);
  const [match] = matches;
  if (match === undefined && seen.step?.knownOnly === true) return undefined;
  const told = match === undefined ? unknown(output) : known(match, output, about);
  return {
    schema: 1,
    ...told,
    recipe: about.recipe,
    target: about.target,
    stage: seen.stage,
    ...defined({ failure: seen.failure }),
    at: new Date().toISOString(),
    doing: seen.doing,
    ...(seen.step === undefined ? {} : processPart(seen.step, secrets)),
    versions: { ...about.versions, ...seen.step?.versions },
    also: matches.slice(1).map(({ pattern }) => pattern.code),
    log: `${about.folder}/${told.code}.log`,
  };
}

type Told = Pick<Blocker, 'code' | 'title' | 'lines' | 'because' | 'cure' | 'advice' | 'rung'>;

function known(match: Match, output: string, about: About): Told {
  const { pattern, groups } = match;
  const values = { target: about.target, recipe: about.recipe, ...about.values, ...groups };
  const text = (template: string): string =>
    fill(template, values) ?? template.replaceAll(/\{([a-z_]+)\}/g, '$1');
  // A command with a hole in it is no command.
  const cure = pattern.cure === undefined ? undefined : fill(pattern.cure, values);
  return {
    code: pattern.code,
    title: text(pattern.title),
    lines: linesOf(match, output),
    because: text(pattern.because),
    ...defined({ cure }),
    advice: pattern.advice.flatMap((one) => fill(one, values) ?? []),
    ...defined({ rung: pattern.rung }),
  };
}

function unknown(output: string): Told {
  return {
    code: 'unknown',
    title: 'A blocker that the catalogue does not know',
    lines: lastLines(output),
    because: 'Nothing in the catalogue of blockers fits what was printed; everything is kept in the log.',
    advice: [
      'Read the lines above and the log.',
      'Once the cause is known, an entry in `src/blocker/catalogue/` tells it to everybody: see CONTRIBUTING.',
    ],
  };
}

function processPart(
  step: FailedStep,
  secrets: readonly string[],
): Pick<Blocker, 'command' | 'exit' | 'ms' | 'samples'> {
  const argv = redactArguments(step.argv, secrets);
  return {
    command: {
      argv,
      line: commandLine(argv),
      cwd: step.cwd,
      place: step.place,
      env: redactEnvironment(step.env, secrets),
    },
    exit: step.exit,
    ms: step.ms,
    ...(step.sample === undefined ? {} : { samples: [step.sample] }),
  };
}

/** As a person would type it in a shell. */
export function commandLine(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[\w@%+=:,./*-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}
