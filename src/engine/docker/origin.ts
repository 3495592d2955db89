import { readFileSync, realpathSync } from 'node:fs';
import { relative } from 'node:path';
import type { Fingerprint } from '../../domain/ids.ts';

/** A folder or file of a finished entry of the store: it never changes, so that what was made of it once stays good. */
export interface Origin {
  readonly entry: Fingerprint;
  /** Differs where the content may. */
  readonly key: readonly string[];
}

/** Where a path of this machine lies in the store; undefined when it is in no finished entry of it. */
export function originOf(store: string, path: string): Origin | undefined {
  const inside = [store, realpathSync(store)]
    .map((folder) => relative(folder, path))
    .find((one) => !one.startsWith('..'));
  const match = /^(trees|builds)\/([0-9a-f]{64})\/root(?:\/(.*))?$/.exec(inside ?? '');
  if (match === null) return undefined;
  const [, kind = '', entry = '', below = ''] = match;
  const made = timeMade(`${store}/${kind}/${entry}/entry.json`);
  if (made === undefined) return undefined;
  // The same packages make the same tree whenever they are unpacked; of a build that need not be so.
  return { entry, key: [kind, entry, below, kind === 'trees' ? '' : made] };
}

function timeMade(file: string): string | undefined {
  try {
    const { made } = JSON.parse(readFileSync(file, 'utf8')) as { made?: unknown };
    return typeof made === 'string' ? made : undefined;
  } catch {
    // It is being made, or was removed: as good as no entry.
    return undefined;
  }
}
