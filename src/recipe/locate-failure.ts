import type { SourcePosition } from '../failure.ts';
import { readYaml } from './document.ts';

/** Key of a recipe that a failure of an area is about. */
const KEYS: Readonly<Record<string, string>> = {
  lock: 'sysroot',
  build: 'project',
  samples: 'samples',
};

/** Location in a recipe of the key that a failure is about, for a failure without a location; undefined without a key. */
export async function locateInRecipe(file: string, failureCode: string): Promise<SourcePosition | undefined> {
  const key = KEYS[failureCode.split('/', 1)[0] as string];
  if (key === undefined) return undefined;
  const document = await readYaml(file);
  return document.ok ? document.value.locate([key], 'key') : undefined;
}
