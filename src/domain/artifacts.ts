import type { Failure } from '../failure.ts';

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

/** The failure for an error of the operating system while artifacts are written; undefined for any other error. */
export function artifactsFailure(folder: string, error: unknown): Failure | undefined {
  if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code === undefined) return undefined;
  return {
    code: 'usage/artifacts',
    what: `The artifacts folder ${folder} cannot be written.`,
    why: error.message,
    fix: [
      'Run the command in a folder of your own, with space left: `artifacts/` is made there. `--project <folder>` names the crate from anywhere.',
    ],
  };
}
