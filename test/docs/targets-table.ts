import assert from 'node:assert/strict';
import { isFromSource, type Resolved } from '../../src/domain/definitions.ts';
import { listRecipes } from '../../src/recipe/list.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { runtimeOf } from '../../src/runtime/runtime.ts';
import { REPOSITORY } from '../support/cli.ts';
import { markdownTable } from './generated.ts';
import floors from './glibc-floors.json' with { type: 'json' };

/** A line of the README's table of targets. */
export interface TargetRow {
  readonly recipe: string;
  readonly triple: string;
  readonly tier: number;
  /** `gnu`, `musl` or `wasi`. */
  readonly libc: string;
  /** Oldest glibc that the shipped bundle starts on, as `provision inspect` measured it. */
  readonly floor?: string;
  readonly linkage: 'a crate' | 'shared' | 'static';
  /** What runs the target's programs on the build machine. */
  readonly runtime: string;
  /** What the recipe has where nothing asks for another version. */
  readonly python: string;
}

const LIBCS: Readonly<Record<string, string>> = {
  gnu: 'glibc',
  musl: 'musl, linked in',
  wasi: 'WASI preview 1',
};

export function targetsTable(rows: readonly TargetRow[]): string {
  const sorted = [...rows].sort(
    (one, other) => one.tier - other.tier || one.recipe.localeCompare(other.recipe, 'en'),
  );
  return markdownTable(
    ['recipe', 'Rust target', 'tier', 'C library of the bundle', 'libpython', 'Python', 'elsewhere by'],
    sorted.map((row) => [
      `\`${row.recipe}\``,
      `\`${row.triple}\``,
      String(row.tier),
      row.floor === undefined ? (LIBCS[row.libc] as string) : `glibc ≥ ${row.floor}`,
      row.linkage,
      row.python,
      row.runtime,
    ]),
  );
}

/** A row for every shipped recipe. */
export async function targetRows(): Promise<readonly TargetRow[]> {
  const lookup = { home: REPOSITORY, cwd: REPOSITORY };
  const recipes = await listRecipes(REPOSITORY);
  assert.ok(recipes.ok);
  return Promise.all(
    recipes.value.map(async ({ name }) => {
      const resolved = await resolveRecipe(lookup, name);
      assert.ok(resolved.ok, name);
      return rowOf(name, resolved.value);
    }),
  );
}

function rowOf(recipe: string, { recipe: { runtime }, target, sysroot }: Resolved): TargetRow {
  const floor = (floors as Readonly<Record<string, string>>)[recipe];
  assert.equal(floor !== undefined, target.libc === 'gnu', `${recipe}: test/docs/glibc-floors.json`);
  const emulator = runtimeOf(runtime ?? target.runtime).emulator(target);
  return {
    recipe,
    triple: target.rustTriple,
    tier: target.tier,
    libc: target.libc,
    ...(floor === undefined ? {} : { floor }),
    linkage: sysroot.python.release !== undefined ? 'a crate' : isFromSource(sysroot) ? 'static' : 'shared',
    runtime: emulator === undefined ? 'none needed' : `\`${emulator}\``,
    python: nameOfPython(sysroot.python),
  };
}

function nameOfPython({ implementation, version, release }: Resolved['sysroot']['python']): string {
  return release === undefined ? version : `${implementation} ${release}`;
}
