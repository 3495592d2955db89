import type { Conformance, ModuleResult, OutcomeCounts, TestDifference } from '../domain/conformance.ts';
import { printable, truncate } from './text.ts';

const COLUMNS = 80;

/** What `provision conformance` prints: a line for each module, then each test that is worse on the target. */
export function conformanceText(conformance: Conformance): string {
  const { totals, target, modules } = conformance;
  const width = Math.max(...modules.map(({ name }) => name.length));
  const open = totals.worse - totals.declared;
  const head = `${'module'.padEnd(width)}  ${'reference'.padStart(16)}  ${'target'.padStart(16)}`;
  const worse = worseTests(conformance).map((one) => truncate(`  ${printable(one.test)}`, COLUMNS));
  const declared = totals.declared === 0 ? '' : `, and ${totals.declared} as declared`;
  const lines = [
    `CPython's own tests on ${target.triple}: passed, failed, skipped`,
    '',
    head,
    ...modules.map((one) => line(one, width)),
    '',
    ...(worse.length === 0 ? [] : ['Worse than on the reference:', ...worse, '']),
    `${totals.conforming} of ${totals.modules} modules conform; ${totals.target.passed} tests passed.`,
    `${open} ${open === 1 ? 'test is' : 'tests are'} worse than on the reference${declared}.`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Undeclared tests that are worse on the target. */
export function worseTests({ modules }: Pick<Conformance, 'modules'>): readonly TestDifference[] {
  return modules.flatMap(({ differences }) =>
    differences.filter(({ kind, declared }) => kind === 'worse' && declared === undefined),
  );
}

function line(module: ModuleResult, width: number): string {
  const { name, reference, target } = module;
  const counts = `${name.padEnd(width)}  ${columns(reference)}  ${columns(target)}`;
  return `${counts}  ${verdict(module)}`.trimEnd();
}

function columns({ passed, failed, skipped }: OutcomeCounts): string {
  return `${String(passed).padStart(6)}${String(failed).padStart(5)}${String(skipped).padStart(5)}`;
}

function verdict({ differences, target }: ModuleResult): string {
  const worse = differences.filter(({ kind }) => kind === 'worse');
  const declared = worse.filter((one) => one.declared !== undefined).length;
  if (target.end === 'skipped') return 'skipped on the target';
  if (worse.length === 0) return '';
  const open = worse.length - declared;
  return [...(open > 0 ? [`${open} worse`] : []), ...(declared > 0 ? [`${declared} declared`] : [])].join(
    ', ',
  );
}
