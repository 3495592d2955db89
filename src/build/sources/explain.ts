import { posix, relative, resolve } from 'node:path';
import type { Project } from '../../domain/definitions.ts';
import { isWithin, PATHS } from '../../engine/paths.ts';
import { projectRoot } from '../../engine/project-paths.ts';
import { isThere } from '../../exec/files.ts';
import type { Failure } from '../../failure.ts';
import type { Sources } from './entries.ts';

/** What compilers and programs print of a file that is not there. */
const MISSING =
  /no such file|not found|couldn't read|could not read|cannot find|can't find|does not exist|not a git repository/i;

/** What git prints where there is no repository, or less of one than it needs. */
const NO_HISTORY =
  /not a git repository|fatal: (?:bad object|bad revision|No names found|Not a valid object name|your current branch)/i;

/** What a build script prints that looked for the network. */
const NO_NETWORK =
  /failed to run custom build command for[\s\S]*(?:failure in name resolution|failed to lookup address|[Cc]ould not resolve host|Network is unreachable|dns error|Connection refused)/;

/** Most of the hidden paths that one failure names. */
const MOST_NAMED = 3;

const WITHOUT_NETWORK =
  'A build script asks for something on the network, which a build does not have, so that it gives the same everywhere. Put what it downloads into the project, and tell the crate where it is: its documentation names a variable for `project.env`, or a feature that builds it from source.';

/** A failed build that looked for a file which is in the project, but which no build sees: the failure says so. */
export function explainHidden(
  failure: Failure,
  output: string,
  project: Project,
  { hidden }: Pick<Sources, 'hidden'>,
): Failure {
  if (NO_NETWORK.test(output)) return { ...failure, fix: [WITHOUT_NETWORK, ...failure.fix] };
  if (!MISSING.test(output) && !NO_HISTORY.test(output)) return failure;
  const paths = pathsIn(output, project);
  const named = hidden.filter(({ path }) => paths.some((one) => isWithin(one, path))).slice(0, MOST_NAMED);
  const outside = outsideOf(project, paths);
  const history = NO_HISTORY.test(output) && !named.some(({ path }) => posix.basename(path) === '.git');
  const advice = [
    ...named.map(
      ({ path, why }) =>
        `\`${path}\` is not visible to a build: ${why}. Keep what a build reads in another folder.`,
    ),
    ...outside
      .slice(0, MOST_NAMED)
      .map(
        (path) =>
          `\`${path}\` is outside of the workspace, and so not visible to a build. Move it into the workspace, or into a crate that this one depends on by its path.`,
      ),
    ...(history
      ? [
          'A build sees of a repository only `.git/HEAD` and the branch that it names, where `.git` is in the folder of the workspace: no history and no tags. Pass what else it asks git for in `project.env`.',
        ]
      : []),
  ];
  return advice.length === 0 ? failure : { ...failure, fix: [...advice, ...failure.fix] };
}

/** The paths that an output may mean, relative to the folder that a build sees. */
function pathsIn(output: string, project: Project): readonly string[] {
  const root = projectRoot(project);
  // The compiler names files relative to the workspace, programs that cargo starts relative to the crate.
  const bases = [project.root, project.folder].map((folder) => relative(root, folder));
  const words = new Set(output.match(/[^\s"'`()<>,;:]*\/[^\s"'`()<>,;:]+/g) ?? []);
  const paths = [...words].flatMap((word) =>
    posix.isAbsolute(word)
      ? [posix.relative(PATHS.project, word)]
      : bases.map((base) => posix.join(base, word)),
  );
  return [...new Set(paths)];
}

/** Those that are there on this machine, in no folder that a build sees: relative to the workspace. */
function outsideOf(project: Project, paths: readonly string[]): readonly string[] {
  const seen = [project.root, ...(project.outside ?? []).map(({ folder }) => folder)];
  return paths
    .map((path) => resolve(projectRoot(project), path))
    .filter((path) => !seen.some((folder) => isWithin(path, folder) || isWithin(folder, path)))
    .filter(isThere)
    .map((path) => relative(project.root, path));
}
