import type { Plan } from '../domain/plan.ts';
import type { PythonDistribution } from '../domain/python.ts';
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
  const finding =
    target.libc === 'wasi'
      ? 'The script `run` of the bundle tells it where the standard library is.'
      : 'The program is linked with what finds the standard library in its bundle.';
  context.emit({
    type: 'notice',
    level: 'info',
    code: 'build/auto-initialize',
    message: `${name} starts Python by itself (\`auto-initialize\`): ${library}. ${finding}`,
  });
}
