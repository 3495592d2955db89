import type {
  Conformance,
  ConformanceTotals,
  KnownOutcome,
  ModuleResult,
  ModuleRun,
  OutcomeCounts,
  TestDifference,
} from '../../domain/conformance.ts';
import { defined } from '../../domain/defined.ts';
import type { ModuleRecords, TestRecord } from './records.ts';

/**
 * Compares a module test by test. Worse is a test that fails on the target alone, and a module that completes on
 * the reference alone; tests that a platform leaves out are reported and are no failure.
 */
export function compareModule(
  name: string,
  reference: ModuleRecords,
  target: ModuleRecords,
  known: readonly KnownOutcome[],
): ModuleResult {
  const whole = wholeModule(name, reference.run, target.run);
  const names = [...new Set([...reference.tests.keys(), ...target.tests.keys()])].sort();
  const tests = names.flatMap((test) => {
    const there = reference.tests.get(test);
    const here = target.tests.get(test);
    // Tests that a skipped or stopped module did not reach are covered by the module's own entry.
    if (here === undefined && target.run.end !== 'done') return [];
    if (there === undefined && reference.run.end !== 'done') return [];
    return differenceOf(test, there, here);
  });
  const differences = [...whole, ...tests].map((one) => declare(one, known));
  const conforms = differences.every(({ kind, declared }) => kind !== 'worse' || declared !== undefined);
  return { name, conforms, reference: reference.run, target: target.run, differences };
}

function wholeModule(test: string, reference: ModuleRun, target: ModuleRun): readonly TestDifference[] {
  if (reference.end === target.end && reference.end !== 'stopped') return [];
  if (reference.end === 'stopped' && target.end === 'stopped') return [];
  const reason = target.reason ?? reference.reason;
  const message = defined({ message: reason });
  if (target.end === 'done') return [{ test, kind: 'better', ...message }];
  if (target.end === 'skipped') return [{ test, kind: 'other', target: 'skipped', ...message }];
  return [{ test, kind: 'worse', target: 'failed', ...message }];
}

function differenceOf(
  test: string,
  there: TestRecord | undefined,
  here: TestRecord | undefined,
): readonly TestDifference[] {
  if (there?.outcome === here?.outcome) return [];
  const kind =
    here?.outcome === 'failed'
      ? 'worse'
      : there?.outcome === 'failed' && here?.outcome === 'passed'
        ? 'better'
        : 'other';
  const message = here?.message ?? there?.message;
  return [
    {
      test,
      kind,
      ...defined({ reference: there?.outcome, target: here?.outcome, message }),
    },
  ];
}

function declare(difference: TestDifference, known: readonly KnownOutcome[]): TestDifference {
  const entry = known.find(({ test }) => matches(test, difference.test));
  return entry === undefined || difference.kind !== 'worse'
    ? difference
    : { ...difference, declared: entry.reason };
}

/** Whether a pattern with `*` for any characters is that of a test. */
export function matches(pattern: string, test: string): boolean {
  const literal = pattern.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('[^]*')}$`).test(test);
}

/** The declarations that apply on a target. */
export function knownOn(known: readonly KnownOutcome[], names: readonly string[]): readonly KnownOutcome[] {
  return known.filter(({ on }) => on.some((name) => names.includes(name)));
}

/** Declarations of these modules that nothing came of. */
export function unseen(
  known: readonly KnownOutcome[],
  modules: readonly ModuleResult[],
): readonly KnownOutcome[] {
  const differences = modules.flatMap((one) => one.differences.filter(({ kind }) => kind === 'worse'));
  const ran = modules.map(({ name }) => name);
  return known.filter(
    ({ test }) =>
      ran.some((name) => test === name || test.startsWith(`test.${name}.`)) &&
      !differences.some((difference) => matches(test, difference.test)),
  );
}

export function totalsOf(modules: readonly ModuleResult[], cached: number): ConformanceTotals {
  const worse = modules.flatMap(({ differences }) => differences.filter(({ kind }) => kind === 'worse'));
  return {
    modules: modules.length,
    conforming: modules.filter(({ conforms }) => conforms).length,
    reference: sum(modules.map(({ reference }) => reference)),
    target: sum(modules.map(({ target }) => target)),
    worse: worse.length,
    declared: worse.filter(({ declared }) => declared !== undefined).length,
    cached,
  };
}

function sum(counts: readonly OutcomeCounts[]): Conformance['totals']['reference'] {
  const of = (key: keyof OutcomeCounts): number => counts.reduce((total, one) => total + one[key], 0);
  return { passed: of('passed'), failed: of('failed'), skipped: of('skipped') };
}
