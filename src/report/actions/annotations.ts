import { isAbsolute, relative } from 'node:path';
import { allResults, namedOn, type Report } from '../../domain/report.ts';
import type { Failure, SourcePosition } from '../../failure.ts';
import type { Annotation } from './commands.ts';

/** GitHub shows ten errors of a step and silently drops the rest. */
const MAX_ERRORS = 10;

/** A failure and what was found with it, each at its location; without one at `location`, the recipe's. */
export function failureAnnotations(
  failure: Failure,
  workspace: string | undefined,
  location?: SourcePosition,
): readonly Annotation[] {
  const all = [failure, ...(failure.also ?? [])];
  const shown = all.slice(0, all.length > MAX_ERRORS ? MAX_ERRORS - 1 : MAX_ERRORS);
  const left = all.length - shown.length;
  return [
    ...shown.map(({ code, what, why, fix, at = location }) => ({
      level: 'error' as const,
      title: code,
      message: [what, ...(why === undefined ? [] : [why]), ...fix].join('\n'),
      ...locationOf(at, workspace),
    })),
    ...(left === 0 ? [] : [{ level: 'error' as const, message: `… and ${left} more: see the log.` }]),
  ];
}

/** The annotations of a run's report: blockers at the recipe, samples that differ at their scripts. */
export function reportAnnotations(
  report: Report,
  workspace: string | undefined,
  location: SourcePosition | undefined,
): readonly Annotation[] {
  const { failure, blockers } = report;
  const own = failure === undefined ? [] : failureAnnotations(failure, workspace, location);
  const more = [
    ...blockers.map(
      ({ code, title, because, cure }): Annotation => ({
        level: 'error',
        title: `blocker: ${code}`,
        message: [`${title}. ${because}`, ...(cure === undefined ? [] : [`Fix: ${cure}`])].join('\n'),
        ...locationOf(location, workspace),
      }),
    ),
    ...allResults(report)
      .filter(({ status }) => status === 'failed')
      .map(
        (one): Annotation => ({
          level: 'error',
          title: `${namedOn(one)}: ${one.kind ?? 'failed'}`,
          message: one.reason ?? 'The sample failed.',
          ...locationOf({ file: one.file, line: 1, column: 1 }, workspace),
        }),
      ),
  ];
  return [...own, ...more].slice(0, MAX_ERRORS);
}

/** A location that GitHub can show: in a file of the repository. */
function locationOf(
  at: SourcePosition | undefined,
  workspace: string | undefined,
): Pick<Annotation, 'file' | 'line' | 'column'> {
  if (at === undefined) return {};
  const file = workspace === undefined || !isAbsolute(at.file) ? at.file : relative(workspace, at.file);
  return file.startsWith('..') ? {} : { file, line: at.line, column: at.column };
}
