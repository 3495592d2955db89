import { distribution } from '../distro/distribution.ts';
import type { Component } from './model.ts';

/**
 * The release of the distribution that most of the packages are of which are delivered: some scanners compare packages with corrections
 * only where a document names one. None where there are no packages.
 */
export function originComponents(components: readonly Component[]): readonly Component[] {
  const suites = components.flatMap(({ place, purl }) => {
    const delivered = (place === 'inside' || place === 'beside') && purl !== undefined;
    return (delivered ? distribution.bill.fromPurl(purl)?.suite : undefined) ?? [];
  });
  const counts = [...Map.groupBy(suites, (suite) => suite)].map(
    ([suite, all]) => [suite, all.length] as const,
  );
  const [most] = counts.sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
  if (most === undefined) return [];
  const { name, version } = distribution.bill.release(most[0]);
  const description = 'The release that packages are of: their corrections are in its list';
  return [{ id: `${name}@${version}`, name, version, description, place: 'origin' }];
}
