import { basename, dirname, posix, relative } from 'node:path';
import type { Project } from '../domain/definitions.ts';
import { isWithin, PATHS } from './paths.ts';

/** The folder of this machine that a build sees as `PATHS.project`: the workspace, or what it has in common with its path dependencies. */
export function projectRoot({ root, outside = [] }: Project): string {
  let common = root;
  for (const { folder } of outside) while (!isWithin(folder, common)) common = dirname(common);
  return common;
}

/** Sandbox path of the crate. */
export function crateAt(project: Project): string {
  return inSandbox(project, project.folder);
}

/**
 * Sandbox path → the name that it has in a program, where it is not the whole project: names of folders between the
 * workspace and its path dependencies say nothing but where somebody keeps them. The last one that fits applies.
 */
export function renamedPaths(project: Project): readonly (readonly [string, string])[] {
  if (projectRoot(project) === project.root) return [];
  const folders = (project.outside ?? []).filter(({ manifestOnly }) => manifestOnly !== true);
  return [
    ...folders.map(({ folder }) => [inSandbox(project, folder), basename(folder)] as const),
    [inSandbox(project, project.root), basename(PATHS.project)] as const,
  ].sort(([a], [b]) => a.length - b.length);
}

/** Sandbox path of a folder of the project. */
export function inSandbox(project: Project, folder: string): string {
  return posix.join(PATHS.project, relative(projectRoot(project), folder));
}
