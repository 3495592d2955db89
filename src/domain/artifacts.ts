import type { Failure } from '../failure.ts';
import { meaningOf } from './errno.ts';

/** A file in the artifacts of each recipe: whoever finds it knows that the folder is no source of a program. */
export const ARTIFACTS_MARK = '.provision';

/** Content of that file. */
export const ARTIFACTS_MARK_TEXT = 'provision writes its artifacts here: no build sees this folder.\n';

/** Files that are written beside the artifacts of all recipes. */
export const SHARED_ARTIFACTS: ReadonlySet<string> = new Set(
  ['tax', 'suite']
    .flatMap((name) => ['json', 'svg', 'html'].map((ending) => `${name}.${ending}`))
    .concat('report.html'),
);

/** Errors that another choice of folder on the same machine may not mend: the machine is at its limits, or broken. */
const MACHINE = [
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EREMOTEIO',
  'EUCLEAN',
  'ESTALE',
  'EFBIG',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EAGAIN',
];

/**
 * The failure for an error of the operating system while artifacts are written; undefined for any other error.
 * `usage/artifacts` where the folder is not one to write in, `store/artifacts` where the disk or a limit is in the way.
 */
export function artifactsFailure(folder: string, error: unknown): Failure | undefined {
  if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code === undefined) return undefined;
  const meaning = meaningOf(error);
  if (meaning !== undefined && MACHINE.includes(meaning.name)) {
    return {
      code: 'store/artifacts',
      what: `The artifacts folder ${folder} cannot be written: ${meaning.says}.`,
      fix: [meaning.fix, 'Or run the command in a folder on another disk: `artifacts/` is made there.'],
      evidence: [error.message],
    };
  }
  return {
    code: 'usage/artifacts',
    what: `The artifacts folder ${folder} cannot be written.`,
    why: error.message,
    fix: [
      'Run the command in a folder of your own: `artifacts/` is made there. `--project <folder>` names the crate from anywhere.',
    ],
  };
}
