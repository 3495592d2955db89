import { join, resolve } from 'node:path';
import type { Context } from '../domain/context.ts';
import type { Report } from '../domain/report.ts';
import { locateInRecipe } from '../recipe/locate-failure.ts';
import { reportAnnotations } from '../report/actions/annotations.ts';
import type { ActionsOutput } from '../report/actions/emit.ts';
import { reportSummary } from '../report/actions/summary.ts';

/** Annotations, summary and outputs of a run for GitHub Actions; nothing elsewhere. `folder`: absolute, where the report is. */
export async function actionsOutput(
  { settings }: Context,
  report: Report,
  folder: string,
  recipeFile: string,
): Promise<{ readonly actions?: ActionsOutput }> {
  if (settings.actions === undefined) return {};
  const { bundle, failure } = report;
  const location = failure === undefined ? undefined : await locateInRecipe(recipeFile, failure.code);
  return {
    actions: {
      summary: reportSummary(report),
      annotations: reportAnnotations(report, settings.actions.workspace, location),
      outputs: {
        artifacts: folder,
        report: join(folder, 'report.json'),
        ...(bundle === undefined ? {} : { bundle: resolve(settings.cwd, bundle.file) }),
      },
    },
  };
}
