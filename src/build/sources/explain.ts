import { posix, relative } from 'node:path';
import type { Project } from '../../domain/definitions.ts';
import { PATHS } from '../../engine/paths.ts';
import { projectRoot } from '../../engine/project-paths.ts';
import type { Failure } from '../../failure.ts';
import type { HiddenPath, Sources } from './entries.ts';

/** What compilers and programs print of a file that is not there. */
const MISSING =
  /no such file|not found|couldn't read|could not read|cannot find|can't find|does not exist|not a git repository/i;

/** What git prints where there is no repository, or less of one than it needs. */
const NO_HISTORY =
  /not a git repository|fatal: (?:bad object|bad revision|No names found|Not a valid object name|your current branch)/i;

/** Most of the hidden paths that one failure names. */
const MOST_NAMED = 3;

/** A failed build that looked for a file which is in the project, but which no build sees: the failure says so. */
export function explainHidden(
  failure: Failure,
  output: string,
  project: Project,
  { hidden }: Pick<Sources, 'hidden'>,
): Failure {
  if (!MISSING.test(output) && !NO_HISTORY.test(output)) return failure;
  const crate = relative(projectRoot(project), project.folder);
  const named = namedIn(output, crate, hidden).slice(0, MOST_NAMED);
  const history = NO_HISTORY.test(output) && !named.some(({ path }) => posix.basename(path) === '.git');
  const advice = [
    ...named.map(
      ({ path, why }) =>
        `\`${path}\` is not visible to a build: ${why}. Keep what a build reads in another folder.`,
    ),
    ...(history
      ? [
          'A build sees of a repository only `.git/HEAD` and the branch that it names, where `.git` is in the folder of the workspace: no history and no tags. Pass what else it asks git for in `project.env`.',
        ]
      : []),
  ];
  return advice.length === 0 ? failure : { ...failure, fix: [...advice, ...failure.fix] };
}

function namedIn(output: string, crate: string, hidden: readonly HiddenPath[]): readonly HiddenPath[] {
  const words = new Set(output.match(/[^\s"'`()<>,;:]*\/[^\s"'`()<>,;:]+/g) ?? []);
  const paths = [...words].flatMap((word) => {
    const inside = posix.normalize(word.replace(`${PATHS.project}/`, ''));
    // Relative to the workspace, or to the crate.
    return [inside, posix.join(crate, inside)];
  });
  return hidden.filter(({ path }) => paths.some((one) => one === path || one.startsWith(`${path}/`)));
}
