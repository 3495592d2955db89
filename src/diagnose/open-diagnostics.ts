import { release } from 'node:os';
import { relative } from 'node:path';
import { distribution } from '../distro/distribution.ts';
import type { Settings } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Lock } from '../domain/packages.ts';
import type { Plan } from '../domain/plan.ts';
import { shellWord } from '../domain/shell.ts';
import { readTool } from '../exec/files.ts';
import type { LockedDefinition } from '../lock/checksum.ts';
import { Diagnostics } from './diagnostics.ts';
import type { DiagnosticsContext } from './recognize.ts';

interface Locked {
  readonly definition: LockedDefinition;
  readonly lock: Lock;
}

/** What a run builds, and from which locks. */
interface Subject {
  readonly plan: Plan;
  readonly locks: {
    readonly toolchain: Locked;
    readonly tools?: Locked;
    readonly sysroot: Locked;
    readonly interpreter: Locked;
    readonly reference: Locked;
  };
}

/**
 * The diagnostics of a run; what an earlier run wrote is removed. `recipe`: as the user typed it. `folder`: below the
 * artifacts, `blockers` where it is not given.
 */
export function openDiagnostics(
  settings: Settings,
  subject: Subject,
  artifacts: string,
  asked: { readonly recipe?: string | undefined; readonly folder?: string } = {},
): Diagnostics {
  const { recipe = subject.plan.recipe.name, folder = 'blockers' } = asked;
  const { file } = subject.plan.recipe;
  const short = relative(settings.cwd, file);
  return new Diagnostics({
    settings,
    artifacts,
    context: contextOf(settings, subject, recipe, folder),
    // Relative to the working directory, as code scanning wants it; a recipe of the tool's own relative to the tool.
    recipeFile: short.startsWith('..') ? relative(settings.home, file) : short,
  });
}

function contextOf(
  { home }: Settings,
  { plan, locks }: Subject,
  recipe: string,
  folder: string,
): DiagnosticsContext {
  const { target } = plan;
  return {
    recipe: plan.recipe.name,
    target: target.rustTriple,
    folder,
    versions: {
      ...versionsOf(locks.sysroot),
      ...versionsOf(locks.interpreter),
      ...versionsOf(locks.reference),
      ...versionsOf(locks.toolchain),
      ...(locks.tools === undefined ? {} : versionsOf(locks.tools)),
      node: process.version,
      linux: release(),
      provision: readTool(home).version,
    },
    values: placeholders(plan, recipe),
  };
}

/** What cures may name, for a recipe as the user calls it. */
export function placeholders(plan: Plan, recipe: string): Readonly<Record<string, string>> {
  const { target, sysroot } = plan;
  return {
    recipe: shellWord(recipe),
    target: target.rustTriple,
    target_env: target.rustTriple.toUpperCase().replaceAll('-', '_'),
    clang_target: target.clangTriple,
    ...distribution.advice.placeholders(target),
    program: plan.recipe.project.bin,
    multiarch: target.multiarch,
    python: sysroot.python.version,
    machine: target.machine,
    ...recipeValues(plan),
  };
}

/** What lines of a recipe may name: what it has already, in front of what is added. */
function recipeValues(plan: Plan): Record<string, string> {
  const { recipe, target, sysroot, sysrootPackages, toolchain, tools, rust } = plan;
  const front = (words: readonly string[] = []): string => words.map((word) => `${word}, `).join('');
  return {
    toolchain_packages: front(tools?.packages),
    project_features: front(recipe.project.features),
    // The channel with a newer Rust, where the build had not that one already.
    ...(rust === undefined && toolchain.next !== undefined ? { rust_channel: 'next' } : {}),
    // Packages are compiled for the GNU C library: no others can be linked with them.
    ...(target.libc === 'gnu'
      ? { sysroot_packages: front(sysrootPackages), ...defined({ cxx_package: sysroot.cxx }) }
      : { other_libc: target.libc }),
  };
}

/** Packages that a definition asks for by name, with the versions that its lock has. */
function versionsOf({ definition, lock }: Locked): Record<string, string> {
  const asked = [
    ...definition.rootfs.packages,
    ...('sysroot' in definition ? definition.sysroot.packages : []),
    ...('source' in definition ? definition.source.sources.packages : []),
  ];
  const found = Object.values(lock.sets)
    .flat()
    .filter(({ name }) => asked.includes(name))
    .map(({ name, version }) => [name, version] as const);
  return Object.fromEntries(found);
}
