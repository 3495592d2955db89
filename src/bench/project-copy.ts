import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defined } from '../domain/defined.ts';
import type { Recipe } from '../domain/definitions.ts';

/**
 * Copies a recipe with its project and samples into a new folder, so that a bench can change them without touching the
 * user's. Returns the recipe file: `bench.yaml`, with the crate in `crate` and the samples in `samples` beside it.
 */
export async function copyProject(recipe: Recipe, home: string): Promise<string> {
  await cp(recipe.project.folder, join(home, 'crate'), {
    recursive: true,
    filter: (path) => !/\/(target|\.git)$/.test(path),
  });
  await mkdir(join(home, 'samples'), { recursive: true });
  for (const path of recipe.samples.paths) await cp(path, join(home, 'samples'), { recursive: true });
  const file = join(home, 'bench.yaml');
  await writeFile(file, recipeText(recipe));
  return file;
}

function recipeText(recipe: Recipe): string {
  const { project, rust, optimization, variant, allocator, glibc, systems, host } = recipe;
  const python = defined({ implementation: recipe.pythonImplementation, version: recipe.pythonVersion });
  return JSON.stringify({
    schema: 1,
    description: 'A copy for the bench to change',
    target: recipe.target,
    toolchain: recipe.toolchain,
    sysroot: recipe.sysroot,
    ...(Object.keys(python).length === 0 ? {} : { python }),
    project: {
      path: 'crate',
      bin: project.bin,
      profile: project.profile,
      features: project.features,
      'default-features': project.defaultFeatures,
      ...defined({ 'ignore-rust-version': project.ignoreRustVersion }),
      env: project.env,
    },
    samples: { path: 'samples', timeout: recipe.samples.timeoutSeconds },
    ...(recipe.measure === true ? { compare: 'measure' } : {}),
    // Whatever decides what is built, and where it runs: what is measured is the recipe that was named.
    ...defined({
      rust: rust === 'host' ? rust : 'stable',
      optimization,
      variant,
      allocator,
      glibc,
      systems,
      host,
    }),
  });
}
