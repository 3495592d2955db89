import type { Blocker, BlockerPattern, FailedStep } from '../domain/blocker.ts';
import { defined } from '../domain/defined.ts';
import { shellCommand } from '../domain/shell.ts';
import type { Failure } from '../failure.ts';
import { fill, linesOf, type Match, matchesOf } from './classify.ts';
import { excerpt } from './excerpt.ts';
import { redactArguments, redactEnvironment, redactText } from './redact.ts';

/** What every blocker of a run has in common. */
export interface DiagnosticsContext {
  readonly recipe: string;
  readonly target: string;
  /** Folder of the artifacts below the artifacts folder: `blockers`, `probe`. */
  readonly folder: string;
  /** Program or package → version. */
  readonly versions: Readonly<Record<string, string>>;
  /** What fixes may name: `{recipe}`, `{target}`, `{python}`, … */
  readonly values: Readonly<Record<string, string>>;
}

/** What a tool reported, and where. */
export interface Occurrence {
  /** Absent where only the output is known. */
  readonly step?: FailedStep;
  readonly stage: string;
  readonly doing: string;
  readonly output: string;
  readonly failure?: string;
}

/**
 * A failure of our own, without a process, as a blocker. The catalogue is not asked: it knows what the tools of others
 * print, and the failure states its cause itself.
 */
export function ownBlocker(
  { stage, failure }: { readonly stage: string; readonly failure: Failure },
  context: DiagnosticsContext,
  secrets: readonly string[],
): Blocker {
  const code = failure.code.replaceAll('/', '-');
  const text = (one: string): string => redactText(one, secrets);
  return {
    schema: 1,
    code,
    title: text(failure.what.replace(/\.$/, '')),
    lines: (failure.evidence ?? []).map(text),
    because: text(failure.why ?? failure.what),
    advice: failure.fix.map(text),
    recipe: context.recipe,
    target: context.target,
    stage,
    failure: failure.code,
    at: new Date().toISOString(),
    doing: text(failure.what.replace(/\.$/, '')),
    versions: context.versions,
    also: [],
    log: `${context.folder}/${code}.log`,
  };
}

/** The blocker that an output shows; undefined where only a known one counts and none fits. Secrets are redacted. */
export function recognize(
  occurrence: Occurrence,
  context: DiagnosticsContext,
  catalogue: readonly BlockerPattern[],
  secrets: readonly string[],
): Blocker | undefined {
  const output = redactText(occurrence.output, secrets);
  const matches = matchesOf(catalogue, output);
  const [match] = matches;
  if (match === undefined && occurrence.step?.knownOnly === true) return undefined;
  const explanation = match === undefined ? unknown(output) : known(match, occurrence, output, context);
  return {
    schema: 1,
    ...explanation,
    recipe: context.recipe,
    target: context.target,
    stage: occurrence.stage,
    ...defined({ failure: occurrence.failure }),
    at: new Date().toISOString(),
    doing: occurrence.doing,
    ...(occurrence.step === undefined ? {} : processPart(occurrence.step, secrets)),
    versions: { ...context.versions, ...occurrence.step?.versions },
    also: matches.slice(1).map(({ pattern }) => pattern.code),
    log: `${context.folder}/${explanation.code}.log`,
  };
}

type Explanation = Pick<Blocker, 'code' | 'title' | 'lines' | 'because' | 'cure' | 'advice' | 'rung'>;

function known(match: Match, { step }: Occurrence, output: string, context: DiagnosticsContext): Explanation {
  const { pattern, groups } = match;
  const named = packageOf(match, context.values);
  const values = {
    ...{ target: context.target, recipe: context.recipe },
    ...context.values,
    ...groups,
    ...defined({ declares: step?.declares }),
    ...(named === undefined ? {} : { package: named }),
  };
  const text = (template: string): string =>
    fill(template, values) ?? template.replaceAll(/\{([a-z_]+)\}/g, '$1');
  // A command with a hole in it is no command.
  const cure = pattern.fix.flatMap((one) => fill(one, values) ?? [])[0];
  return {
    code: pattern.code,
    title: text(pattern.title),
    lines: linesOf(match, output),
    because: text(pattern.because),
    ...defined({ cure }),
    advice: pattern.advice.flatMap((one) => fill(one, values) ?? []),
    ...defined({ rung: pattern.step }),
  };
}

/** The package of what the output or the context names, where the entry knows it. */
function packageOf({ pattern, groups }: Match, values: Readonly<Record<string, string>>): string | undefined {
  const known = Object.entries(pattern.packages).flatMap(([group, packages]) => {
    const found = groups[group] ?? values[group];
    return found !== undefined && Object.hasOwn(packages, found) ? [packages[found] as string] : [];
  });
  return known[0];
}

function unknown(output: string): Explanation {
  return {
    code: 'unknown',
    title: 'A blocker that the catalogue does not know',
    lines: excerpt(output),
    because: 'Nothing in the catalogue of blockers fits what was printed; everything is kept in the log.',
    advice: [
      'Read the lines above and the log.',
      'Once the cause is known, add an entry to `src/diagnose/catalogue/`: see CONTRIBUTING.',
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
      line: shellCommand(argv),
      cwd: step.cwd,
      place: step.place,
      env: redactEnvironment(step.env, secrets),
    },
    exit: step.exit,
    ms: step.ms,
    ...defined({ samples: step.sample === undefined ? undefined : [step.sample] }),
  };
}
