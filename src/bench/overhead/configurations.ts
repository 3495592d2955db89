import type { ConfigurationSettings } from '../../domain/overhead.ts';
import { DISTRIBUTION, type OverheadBuild } from './builds.ts';

/** A program and a way to start it. */
export interface Configuration {
  readonly name: string;
  readonly build: OverheadBuild;
  readonly settings: ConfigurationSettings;
  /** Arguments between the program and the script. */
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const DEFAULT_START = { entry: 'runmain', allocator: 'pymalloc' } as const;

/**
 * One factor at a time: every build with the default start; the distribution's build and the base build also with the
 * other entry point and the other allocators.
 */
export function configurationsOf(builds: readonly OverheadBuild[]): readonly Configuration[] {
  const defaults = builds.map((build) => configuration(build, DEFAULT_START));
  const bases = builds.filter(({ name }) => name === DISTRIBUTION || name === baseOf(builds)?.name);
  const others = bases.flatMap((build) => [
    configuration(build, { ...DEFAULT_START, entry: 'embed' }),
    configuration(build, { ...DEFAULT_START, allocator: 'malloc' }),
    configuration(build, { ...DEFAULT_START, allocator: 'mimalloc' }),
  ]);
  return [...defaults, ...others];
}

/** The build that variations start from: the recipe's own static one where it is selected. */
function baseOf(builds: readonly OverheadBuild[]): OverheadBuild | undefined {
  const own = builds.filter(({ name }) => name !== DISTRIBUTION);
  return (
    ['static-pgo+lto', 'static-pgo'].flatMap((name) => own.filter((one) => one.name === name))[0] ?? own[0]
  );
}

function configuration(
  build: OverheadBuild,
  start: Pick<ConfigurationSettings, 'entry' | 'allocator'>,
): Configuration {
  const { entry, allocator } = start;
  const more = [entry === 'embed' ? entry : '', allocator === 'pymalloc' ? '' : allocator].filter(Boolean);
  return {
    name: [build.name, ...more].join(' '),
    build,
    settings: { ...build.settings, ...start },
    options: entry === 'embed' ? ['--embed'] : [],
    // Overrides the allocator that the program was built with (docs.python.org, "Command line and environment").
    env: { PYTHONMALLOC: allocator },
  };
}
