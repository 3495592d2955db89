import { readdir } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { Recipe } from '../domain/definitions.ts';
import { unlessDeviceFailed } from '../domain/errno.ts';
import { isWithin } from '../engine/paths.ts';
import type { Failure } from '../failure.ts';

/** What Python says of a module that it does not find; private ones belong to Python itself. */
const MISSING = /No module named '([A-Za-z]\w*)(?:\.[\w.]*)?'/g;

/** Folders below the project that are looked into, and how deep. */
const OTHERS = /^(?:\.|node_modules$|__pycache__$|target$|artifacts$)/;
const MOST_DEPTH = 3;
const MOST_NAMED = 3;

/** A failure of tests that lacked modules, with what to write into the recipe for each of them. */
export async function withModuleCures(failure: Failure, recipe: Recipe): Promise<Failure> {
  const text = [failure.why ?? '', ...(failure.evidence ?? [])].join('\n').replaceAll(/\s+/g, ' ');
  const names = [...new Set([...text.matchAll(MISSING)].map(([, name]) => name as string))];
  const cures: string[] = [];
  for (const name of names.slice(0, MOST_NAMED))
    cures.push(cureOf(name, await findModule(recipe, name), recipe));
  return cures.length === 0 ? failure : { ...failure, fix: [...cures, ...failure.fix] };
}

function cureOf(name: string, module: string | undefined, recipe: Recipe): string {
  if (module === undefined)
    return `Where \`${name}\` is no module of Python itself: write the package that has it into the recipe, \`python: {packages: [${name}]}\`, and run \`provision lock\`.`;
  const base = baseOf(recipe);
  const here = relative(base, module);
  const folder = dirname(module);
  // A folder with the crate or the recipe in it is no path of modules.
  if (![base, recipe.project.folder].some((one) => isWithin(one, folder)))
    return `\`${here}\` is not in the bundle. Write into the recipe: \`python: {paths: [${relative(base, folder)}/]}\`.`;
  if (module.endsWith('.py'))
    return `\`${here}\` is not in the bundle. Write into the recipe: \`python: {paths: [${here}]}\`.`;
  return `\`${here}\` is not in the bundle. Move it to \`python/${name}\`, and write into the recipe: \`python: {paths: [python/]}\`.`;
}

/** What the recipe's paths are relative to; a shipped recipe is no file of the project. */
function baseOf({ file, project }: Recipe): string {
  return isWithin(file, project.root) || isWithin(project.root, dirname(file))
    ? dirname(file)
    : project.folder;
}

/** A module or package of this name in the project: absolute path. */
async function findModule(recipe: Recipe, name: string): Promise<string | undefined> {
  const { samples, project } = recipe;
  const isSample = (path: string): boolean => samples.paths.some((one) => isWithin(path, one));
  let folders = [...new Set([baseOf(recipe), project.folder])];
  for (let depth = 0; depth <= MOST_DEPTH; depth += 1) {
    const next: string[] = [];
    for (const folder of folders) {
      for (const entry of await readdir(folder, { withFileTypes: true }).catch(unlessDeviceFailed([]))) {
        const path = join(folder, entry.name);
        if (isSample(path) || OTHERS.test(entry.name)) continue;
        if (entry.isFile() && entry.name === `${name}.py`) return path;
        if (!entry.isDirectory()) continue;
        if (basename(path) === name && (await holdsPython(path))) return path;
        next.push(path);
      }
    }
    folders = next;
  }
  return undefined;
}

async function holdsPython(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(unlessDeviceFailed([]));
  return names.some((name) => name.endsWith('.py'));
}
