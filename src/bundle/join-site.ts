import { cp, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { exists } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { verifyAll } from '../store/sound.ts';
import type { Store } from '../store/store.ts';
import { type CompiledModules, PACKAGES_VERSION, type Packages } from './packages.ts';

/** Packages and modules in one folder, as the interpreter imports them. */
export async function joinSite(
  context: Context,
  store: Store,
  packages: Packages | undefined,
  modules: CompiledModules | undefined,
): Promise<Result<Packages>> {
  const inputs = {
    what: 'python site',
    version: PACKAGES_VERSION,
    packages: packages?.fingerprint ?? null,
    modules: modules?.fingerprint ?? null,
  };
  return store.obtain(
    'builds',
    inputs,
    async (folder) => {
      const sound = await verifyAll(
        store,
        [packages, modules].filter((one) => one !== undefined),
      );
      if (!sound.ok) return sound;
      const site = join(folder, 'site');
      await mkdir(site);
      await mkdir(join(folder, 'data'));
      if (modules !== undefined) await cp(join(modules.folder, modules.meta.site), site, { recursive: true });
      if (packages !== undefined) {
        const hidden = await hiddenName(site, join(packages.folder, packages.meta.site));
        if (hidden !== undefined) return err(collision(hidden));
        const both = await copyWithout(join(packages.folder, packages.meta.site), site);
        if (both !== undefined) return err(collision(both));
        await cp(join(packages.folder, packages.meta.data), join(folder, 'data'), { recursive: true });
      }
      return ok({ site: 'site', data: 'data', installed: packages?.meta.installed ?? [] });
    },
    { signal: context.signal },
  );
}

/**
 * The first name that is a module in a file in one folder and a package in the other: only one of the two would be imported
 * (The Python Language Reference, "The import system").
 */
async function hiddenName(one: string, other: string): Promise<string | undefined> {
  const [a, b] = await Promise.all([one, other].map(importNames));
  const names = new Set([...(a?.modules ?? [])].filter((name) => b?.packages.has(name)));
  for (const name of b?.modules ?? []) if (a?.packages.has(name)) names.add(name);
  return [...names].sort()[0];
}

async function importNames(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((one) => one.isFile() && /\.(?:pyc?|so)$/.test(one.name));
  return {
    modules: new Set(files.map(({ name }) => name.split('.')[0] as string)),
    packages: new Set(entries.filter((one) => one.isDirectory()).map(({ name }) => name)),
  };
}

/** Copies a tree into another; the path of a file that both have ends it. */
async function copyWithout(from: string, to: string): Promise<string | undefined> {
  let both: string | undefined;
  await cp(from, to, {
    recursive: true,
    filter: async (source, destination) => {
      if (!(await stat(source)).isDirectory() && (await exists(destination))) {
        both ??= source.slice(from.length + 1);
        return false;
      }
      return true;
    },
  });
  return both;
}

function collision(file: string): Failure {
  return {
    code: 'recipe/python-collision',
    what: `Both \`python.paths\` and \`python.packages\` have \`${file}\`.`,
    why: 'Both are put into one folder. They may share a namespace package (a folder without `__init__.py`), and no file.',
    fix: ['Rename the module, or leave the package out.'],
  };
}
