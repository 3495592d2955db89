import { isTable, tableAt } from '../crate/toml.ts';
import type { CargoTable } from '../domain/cargo.ts';
import type { Settings } from '../domain/context.ts';
import type { Project, Resolved } from '../domain/definitions.ts';
import type { BuildEnv } from '../env/env.ts';
import type { Event } from '../events.ts';
import type { FetchAccess } from './host-cargo.ts';
import { leadingElsewhere, leadingVariables } from './transport.ts';

type Notice = Extract<Event, { type: 'notice' }>;

/** What a build does not take from cargo's configuration and from the environment, each said once. */
export function cargoNotices(settings: Settings, resolved: Resolved, env: BuildEnv): readonly Notice[] {
  return [
    ...ofFiles(resolved),
    ...ofEnvTable(resolved, env),
    ...ofVariables(settings, resolved.recipe.project.env),
  ];
}

function ofFiles({ cargo }: Resolved): readonly Notice[] {
  const overridden = cargo?.overridden ?? [];
  return [...new Set(overridden.map(({ file }) => file))].map((file) => {
    const of = overridden.filter((one) => one.file === file);
    return notice(
      'build/cargo-config',
      `Of ${file}, a build does not take ${of.map(({ key, instead }) => `\`${key}\`: ${instead}`).join('; ')}.`,
    );
  });
}

/** Variables of `[env]` that a build sets as well: cargo lets those of its own environment win, unless `force` is set. */
function ofEnvTable({ cargo, recipe }: Resolved, env: BuildEnv): readonly Notice[] {
  const table: CargoTable = tableAt(cargo?.merged, 'env');
  const lost = Object.entries(table)
    .filter(([name, value]) => env.variables[name] !== undefined && !(isTable(value) && value.force === true))
    .map(([name]) => name);
  const named = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');
  const [ofRecipe, ofBuild] = [true, false].map((isSet) =>
    lost.filter((name) => (recipe.project.env[name] !== undefined) === isSet),
  ) as [string[], string[]];
  return [
    ...(ofBuild.length === 0
      ? []
      : [
          notice(
            'build/cargo-config',
            `\`[env]\` of cargo's configuration names what a build sets itself, and cargo takes that: ${named(ofBuild)}. Put it into \`project.env\` of the recipe.`,
          ),
        ]),
    ...(ofRecipe.length === 0
      ? []
      : [
          notice(
            'build/cargo-config',
            `\`project.env\` of the recipe counts, and not \`[env]\` of cargo's configuration: ${named(ofRecipe)}.`,
          ),
        ]),
  ];
}

function ofVariables({ cargo }: Settings, env: Readonly<Record<string, string>>): readonly Notice[] {
  const names = (cargo?.builds ?? []).filter((name) => env[name] === undefined).map((name) => `\`${name}\``);
  return names.length === 0
    ? []
    : [
        notice(
          'build/cargo-variables',
          `Set on this machine, and not given to builds, which are the same on every machine: ${names.join(', ')}. Put what the crate needs into \`project.env\` of the recipe or into \`.cargo/config.toml\`.`,
        ),
      ];
}

/**
 * What of a project does not count where its crates are fetched with tokens, because the project could read them then. What
 * stands outside of the project is the user's own.
 */
export function transportNotices(
  cargo: Resolved['cargo'],
  { env }: Pick<Project, 'env'>,
  { indexes }: Pick<FetchAccess, 'indexes'>,
): readonly Notice[] {
  if (indexes.size === 0) return [];
  const registries = [...indexes.keys()].map((name) => `\`CARGO_REGISTRIES_${name}_TOKEN\``).join(', ');
  const left = [
    ...(cargo?.inner ?? []).map(({ file, table }) => ({
      where: `Of ${file}`,
      keys: leadingElsewhere(table, indexes),
    })),
    { where: 'Of `project.env`', keys: leadingVariables(env, indexes) },
  ];
  return left
    .filter(({ keys }) => keys.length > 0)
    .map(({ where, keys }) =>
      notice(
        'fetch/project-transport',
        `${where}, fetching the crates does not take ${keys.map((key) => `\`${key}\``).join(', ')}: requests carry the token of a registry (${registries}), and a project does not decide where that goes. If it is right, say it in your own cargo home (\`config.toml\`) or by variables (\`https_proxy\`, \`CARGO_HTTP_…\`).`,
      ),
    );
}

function notice(code: string, message: string): Notice {
  return { type: 'notice', level: 'info', code, message };
}
