import type { Recipe, Resolved } from '../domain/definitions.ts';
import { ok, type Result } from '../domain/result.ts';
import type { SystemData } from '../domain/system-data.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import { imageHere } from './definitions.ts';
import type { YamlDocument } from './document.ts';

/** Image of the packages that a bundle's data of a system is from. */
const IMAGE = 'system-data';

/** Why nothing reads it on targets of a C library. */
const UNREAD: Readonly<Record<Target['libc'], Partial<Record<SystemData, string>>>> = {
  gnu: {},
  musl: {},
  wasi: {
    certificates: 'There is no `ssl` in its Python: WASI preview 1 makes no connections.',
    services: 'There is no `socket` in its Python: WASI preview 1 makes no connections.',
  },
};

/** A recipe that has data in its bundle which no program of the target can read (`recipe/unread-data`), at its lines. */
export function unreadData(
  { brings = [] }: Pick<Recipe, 'brings'>,
  document: YamlDocument,
  { name, libc }: Target,
): readonly Failure[] {
  return brings.flatMap((data) => {
    const why = UNREAD[libc][data];
    if (why === undefined) return [];
    return [
      {
        code: 'recipe/unread-data',
        what: `\`${data}: bundled\` has no meaning for \`${name}\`.`,
        why,
        fix: [`Remove \`${data}\`, or have it in a recipe for another target alone.`],
        at: document.locate([data], 'value'),
      },
    ];
  });
}

/** What of it programs of the target read: a recipe may be applied to another target than its own. */
export function readData(
  { brings = [] }: Pick<Recipe, 'brings'>,
  { libc }: Target,
): readonly SystemData[] | undefined {
  const read = brings.filter((data) => UNREAD[libc][data] === undefined);
  return read.length === 0 ? undefined : read;
}

/** The image that it comes from, and its lock; undefined where the bundle brings none. */
export async function systemDataOf(
  { home, machine }: { readonly home: string; readonly machine?: string },
  { brings }: Pick<Recipe, 'brings'>,
): Promise<Result<Resolved['systemData']>> {
  return brings === undefined ? ok(undefined) : imageHere(home, IMAGE, machine);
}
