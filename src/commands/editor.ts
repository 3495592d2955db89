import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { cargoSelection } from '../domain/crate.ts';
import type { Plan } from '../domain/plan.ts';
import { ok, type Result } from '../domain/result.ts';
import { shellWord } from '../domain/shell.ts';
import { isThere } from '../exec/files.ts';
import type { Session } from '../pipeline/session.ts';

/** The command line that runs cargo in the recipe's toolchain, from any folder of the project. */
export function execCommand({ context }: Session, recipe: string | undefined): readonly string[] {
  const { home, cwd } = context.settings;
  const own = join(home, 'provision');
  const named =
    recipe?.includes('/') || /\.ya?ml$/.test(recipe ?? '') ? resolve(cwd, recipe as string) : recipe;
  return [isThere(own) ? own : 'provision', 'exec', ...(named === undefined ? [] : [named])];
}

/**
 * Settings for an editor with rust-analyzer (its manual, "Configuration"): checking and build scripts run where the build
 * does, so that an editor marks what a build reports. Macros of other crates are compiled there too, by a Rust whose
 * macros the editor's own server may not load.
 */
export function vscodeSettings(plan: Plan, exec: readonly string[]): string {
  const check = [...exec, '--', 'cargo', 'check', '--message-format=json', ...cargoSelection(plan.crate)];
  const { features, defaultFeatures } = plan.recipe.project;
  const chosen = [
    ...(features.length > 0 ? ['--features', features.join(',')] : []),
    ...(defaultFeatures ? [] : ['--no-default-features']),
  ];
  const settings = {
    'rust-analyzer.cargo.target': plan.target.rustTriple,
    'rust-analyzer.cargo.features': features,
    'rust-analyzer.cargo.noDefaultFeatures': !defaultFeatures,
    'rust-analyzer.cargo.buildScripts.overrideCommand': [...check, ...chosen],
    'rust-analyzer.check.overrideCommand': [...check, ...chosen],
    'rust-analyzer.procMacro.enable': false,
  };
  return `${JSON.stringify(settings, null, 2)}\n`;
}

/** Lines for direnv (direnv-stdlib(1)): `cargo` is that of the recipe's toolchain. */
export async function direnvLines(
  session: Session,
  plan: Plan,
  exec: readonly string[],
): Promise<Result<string>> {
  const script = `#!/bin/sh\nexec ${exec.map(shellWord).join(' ')} -- cargo "$@"\n`;
  const shims = await session.store.obtain<null>(
    'builds',
    { what: 'command for direnv', script },
    async (folder) => {
      const file = join(folder, 'bin', 'cargo');
      await mkdir(join(folder, 'bin'));
      await writeFile(file, script);
      await chmod(file, 0o755);
      return ok(null);
    },
    { signal: session.context.signal, local: true },
  );
  if (!shims.ok) return shims;
  const lines = [
    `watch_file ${shellWord(plan.recipe.file)}`,
    `export CARGO_BUILD_TARGET=${shellWord(plan.target.rustTriple)}`,
    `PATH_add ${shellWord(join(shims.value.folder, 'bin'))}`,
  ];
  return ok(`${lines.join('\n')}\n`);
}
