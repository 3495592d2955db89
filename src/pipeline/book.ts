import { release } from 'node:os';
import { relative } from 'node:path';
import type { About } from '../blocker/blocker.ts';
import { toolOf } from '../blocker/sarif.ts';
import { distribution } from '../distro/distribution.ts';
import { BlockerBook } from './blockers.ts';
import type { Planned } from './prepare.ts';
import type { Session } from './session.ts';
import type { Locked } from './trees.ts';

/** Opens the book of a run's blockers; what an earlier run wrote is removed. */
export function openBook(
  session: Session,
  planned: Planned,
  artifacts: string,
  asked: { readonly recipe?: string; readonly folder?: string } = {},
): BlockerBook {
  const { recipe = planned.plan.recipe.name, folder = 'blockers' } = asked;
  const { settings } = session.context;
  const { file } = planned.plan.recipe;
  const short = relative(settings.cwd, file);
  return new BlockerBook({
    settings,
    artifacts,
    about: aboutRun(session, planned, recipe, folder),
    // Below the folder of the command, as code scanning wants it; a recipe of the tool's own by its place there.
    recipeFile: short.startsWith('..') ? relative(settings.home, file) : short,
  });
}

/** `recipe`: as the person typed it. */
function aboutRun({ context }: Session, { plan, locks }: Planned, recipe: string, folder: string): About {
  const { target, sysroot } = plan;
  return {
    recipe: plan.recipe.name,
    target: target.rustTriple,
    folder,
    versions: {
      ...versionsOf(locks.sysroot),
      ...versionsOf(locks.reference),
      ...versionsOf(locks.toolchain),
      node: process.version,
      linux: release(),
      provision: toolOf(context.settings.home).version,
    },
    values: {
      recipe: /^[\w./+@%,:=-]+$/.test(recipe) ? recipe : `'${recipe.replaceAll("'", `'\\''`)}'`,
      target: target.rustTriple,
      target_shout: target.rustTriple.toUpperCase().replaceAll('-', '_'),
      clang_target: target.clangTriple,
      ...distribution.advice.placeholders(target),
      program: plan.recipe.project.bin,
      multiarch: target.multiarch,
      python: sysroot.python.version,
      machine: target.machine,
    },
  };
}

/** Packages that a definition asks for by name, with the versions that its lock has. */
function versionsOf({ definition, lock }: Locked): Record<string, string> {
  const asked = [
    ...definition.rootfs.packages,
    ...('sysroot' in definition ? definition.sysroot.packages : []),
    ...('sources' in definition ? definition.sources.packages : []),
  ];
  const found = Object.values(lock.sets)
    .flat()
    .filter(({ name }) => asked.includes(name))
    .map(({ name, version }) => [name, version] as const);
  return Object.fromEntries(found);
}
