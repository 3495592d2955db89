import type { ModuleResult, TestDifference } from '../../domain/conformance.ts';
import type { Divergence, DivergenceCause, DivergenceRules } from '../../domain/divergence.ts';
import { causesIn, crashIn, moduleLackedIn } from '../divergence.ts';

/** What `endOf` says of a run that a signal ended which programs get that fail by themselves. */
const ENDED_BY = /^ended with (SIG(?:ABRT|BUS|FPE|ILL|SEGV|TRAP))/;

/** How a module differs from the reference, and why; undefined where it conforms. */
export function moduleDivergence(
  { conforms, target, differences }: ModuleResult,
  rules: DivergenceRules,
): Divergence | undefined {
  if (conforms) return undefined;
  const worse = differences.filter(({ kind }) => kind === 'worse');
  const lines = worse.flatMap(linesOf).join('\n');
  const known = causesIn(lines, rules);
  if (target.end === 'time' || target.end === 'output' || target.end === 'disk')
    return { kind: 'hangs', causes: [{ id: `${target.end}-limit`, what: 'It had to be stopped' }, ...known] };
  const stopped = target.end === 'stopped' ? (target.reason ?? '') : '';
  const crash = crashIn(stopped, rules) ?? signalIn(stopped);
  if (crash !== undefined) return { kind: 'crashes', causes: [crash, ...known] };
  const module = stopped === '' ? undefined : moduleLackedIn(lines, rules, known);
  if (module !== undefined) return { kind: 'lacks-module', causes: [module, ...known] };
  return { kind: 'differs', causes: known };
}

function signalIn(stopped: string): DivergenceCause | undefined {
  const signal = ENDED_BY.exec(stopped)?.[1];
  return signal === undefined ? undefined : { id: 'signal', what: `The interpreter is ended by ${signal}` };
}

function linesOf({ message = '' }: TestDifference): readonly string[] {
  return message.split('\n').map((line) => `+${line}`);
}
