import type { Failure } from '../failure.ts';

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
