import type { Failure, SourcePosition } from '../failure.ts';
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

/** Keys of a recipe that hold packages: of the toolchain, of the sysroot. */
export type PackagesKey = 'toolchain' | 'sysroot';

/**
 * A failure of resolving what a recipe adds, with the key and the location of each entry that it is about; of the list
 * where it is about none alone. `packageOf`: the package that has what an entry names, where that is no package.
 */
export async function locatePackages(
  failure: Failure,
  file: string,
  key: PackagesKey,
  packageOf: (entry: string) => string | undefined,
  advice: readonly string[] = [],
): Promise<Failure> {
  const document = await readYaml(file);
  if (!document.ok) return failure;
  const written = (document.value.value as Partial<Record<PackagesKey, { packages?: unknown }>>)[key]
    ?.packages;
  const entries: readonly unknown[] = Array.isArray(written) ? written : [];
  const locate = (one: Failure): Failure => {
    const index = one.entry === undefined ? -1 : entries.indexOf(one.entry);
    const meant = one.entry === undefined ? undefined : packageOf(one.entry);
    return {
      ...one,
      ...(index === -1 ? {} : { why: `\`${key}.packages\` of the recipe names it.` }),
      ...(meant === undefined || index === -1
        ? { fix: [...(one.fix ?? []), ...advice] }
        : { fix: [`Write \`${meant}\`: that package has \`${one.entry}\`.`] }),
      at: document.value.locate(
        index === -1 ? [key, 'packages'] : [key, 'packages', index],
        index === -1 ? 'key' : 'value',
      ),
    };
  };
  const { also, ...first } = failure;
  return { ...locate(first), ...(also === undefined ? {} : { also: also.map(locate) }) };
}
