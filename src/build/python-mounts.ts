import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { Mount } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';

/** Packages and modules of a recipe: the folder `site` of an entry. */
export type PythonSite = StoredTree & { readonly meta: { readonly site: string } };

/** Adds a folder of packages to the search path as `site` does: at its end, with the `.pth` files in it. */
const SITE = `import site
site.addsitedir('${PATHS.python}/site')
`;

/**
 * Where no bundle is around a program, the packages are in a folder that `PYTHONPATH` names. `folder` is an empty one of this
 * machine that outlives the sandbox.
 */
export async function pythonMounts(
  python: PythonSite | undefined,
  folder: string,
): Promise<readonly Mount[]> {
  if (python === undefined) return [];
  const start = join(folder, 'sitecustomize.py');
  await writeFile(start, SITE);
  return [
    { kind: 'source', source: start, at: `${PATHS.python}/sitecustomize.py` },
    { kind: 'tree', source: join(python.folder, python.meta.site), at: `${PATHS.python}/site` },
  ];
}
