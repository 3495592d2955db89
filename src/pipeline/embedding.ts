import type { Plan } from '../domain/plan.ts';
import type { PythonDistribution } from '../domain/python.ts';
import { programFormat } from '../runtime/program/program.ts';
import type { Session } from './session.ts';

/** What is done so that a crate that lets PyO3 start Python works unchanged, and why: for the report. */
export function noticeEmbedding(
  { context }: Session,
  { crate, target }: Plan,
  python: PythonDistribution,
): void {
  const { pyo3 } = crate;
  if (pyo3?.autoInitialize !== true) return;
  const name = `PyO3${pyo3.version === undefined ? '' : ` ${pyo3.version}`}`;
  const count = python.link?.libraries.length ?? 0;
  const library =
    python.linkage === 'dynamic'
      ? 'libpython is shared, which is what PyO3 asks for'
      : `PyO3 refuses that where libpython is static: its configuration calls it shared, and provision itself supplies the link lines (${count} libraries)`;
  context.emit({
    type: 'notice',
    level: 'info',
    code: 'build/auto-initialize',
    message: `${name} starts Python by itself (\`auto-initialize\`): ${library}. ${programFormat(target).findsLibrary}`,
  });
}
