import { namedOn } from '../domain/report.ts';
import type { SampleResult } from '../domain/sample.ts';
import { shellWord } from '../domain/shell.ts';
import type { Failure } from '../failure.ts';
import type { RunOutcome } from './run.ts';

/** Lines of a difference that a failure shows. */
const EVIDENCE_LINES = 20;

/** `samples/differ`, with how to see and to repeat what failed; nothing when all passed. */
export function samplesFailure(outcome: RunOutcome, recipe: string, artifacts: string): Failure | undefined {
  const all = [...outcome.results, ...outcome.systems.flatMap(({ results }) => results)];
  // What is measured is the result of the run.
  const failed = all.filter(({ status, divergence }) => status === 'failed' && divergence === undefined);
  const [first] = failed;
  if (first === undefined) return undefined;
  const named = failed.slice(0, 3).map(namedOn);
  const names =
    failed.length > named.length
      ? `${named.join(', ')} and ${failed.length - named.length} more`
      : named.join(', ');
  return {
    code: 'samples/differ',
    what: `${failed.length} of ${all.length} ${outcome.results.some(({ by }) => by === undefined) ? 'samples' : 'tests'} ${failed.length === 1 ? 'fails' : 'fail'}: ${names}.`,
    why: `${namedOn(first)}: ${first.reason}.`,
    fix: [
      ...(first.cures ?? []),
      ...(first.by === 'command' && first.cures === undefined ? expectations(first) : []),
      first.by === undefined
        ? `Run one alone: \`provision ${recipe} --samples ${shellWord(first.file)}\``
        : `Mend what is wrong, then run \`provision ${recipe}\` again: what did not change is not run again.`,
      ...withoutSystem(outcome, failed),
    ],
    ...(first.diff === undefined
      ? {}
      : { evidence: first.diff.trimEnd().split('\n').slice(0, EVIDENCE_LINES) }),
    see: [`${artifacts}/report.json`, ...(first.logs ?? []).map((path) => `${artifacts}/${path}`)],
  };
}

/** What to write into a command of the recipe where it is the expectation that is wrong. */
function expectations({ kind, target, reference }: SampleResult): readonly string[] {
  if (reference !== undefined) return [];
  const { exit } = target ?? {};
  if (kind === 'exit-differs' && exit !== undefined && 'status' in exit)
    return [
      `If it is to end so, write \`status: ${exit.status}\` into the test; if it lacks arguments or input, \`args\` or \`stdin\`.`,
    ];
  if (kind !== 'output-differs') return [];
  return ['If the output is right, write it as `stdout` of the test; without that key any is.'];
}

/** What to write where a further system need not be reached: of what fails there alone. */
function withoutSystem({ results, systems }: RunOutcome, failed: readonly SampleResult[]): readonly string[] {
  const everywhere = new Set(results.filter(({ status }) => status === 'failed').map(({ name }) => name));
  const alone = failed.filter(({ name }) => !everywhere.has(name));
  const bad = new Set(alone.flatMap(({ system }) => system ?? []));
  if (bad.size === 0) return [];
  const rest = systems.map(({ name }) => name).filter((name) => !bad.has(name));
  const names = [...bad].map((name) => `\`${name}\``).join(' and ');
  return [
    `Where it need not run on ${names}, write the other systems into the recipe: \`systems: [${rest.join(', ')}]\`.`,
  ];
}
