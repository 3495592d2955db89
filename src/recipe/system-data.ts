import type { Recipe, Resolved } from '../domain/definitions.ts';
import { ok, type Result } from '../domain/result.ts';
import type { SystemData } from '../domain/system-data.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import { programFormat } from '../runtime/program/program.ts';
import { imageHere } from './definitions.ts';
import type { YamlDocument } from './document.ts';

/** Image of the packages that a bundle's data of a system is from. */
const IMAGE = 'system-data';

/** A recipe that has data in its bundle which no program of the target can read (`recipe/unread-data`), at its lines. */
export function unreadData(
  { brings = [] }: Pick<Recipe, 'brings'>,
  document: YamlDocument,
  target: Target,
): readonly Failure[] {
  const { unreadData: unread } = programFormat(target);
  return brings.flatMap((data) => {
    const why = unread[data];
    if (why === undefined) return [];
    return [
      {
        code: 'recipe/unread-data',
        what: `\`${data}: bundled\` has no meaning for \`${target.name}\`.`,
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
  target: Target,
): readonly SystemData[] | undefined {
  const { unreadData: unread } = programFormat(target);
  const read = brings.filter((data) => unread[data] === undefined);
  return read.length === 0 ? undefined : read;
}

/** The image that it comes from, and its lock; undefined where the bundle brings none. */
export async function systemDataOf(
  { home, machine }: { readonly home: string; readonly machine?: string },
  { brings }: Pick<Recipe, 'brings'>,
): Promise<Result<Resolved['systemData']>> {
  return brings === undefined ? ok(undefined) : imageHere(home, IMAGE, machine);
}
