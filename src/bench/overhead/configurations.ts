import type { ConfigurationSettings } from '../../domain/overhead.ts';
import { DISTRIBUTION, type OverheadBuild } from './builds.ts';

/** A program, and how it is started. */
export interface Cell {
  readonly name: string;
  readonly build: OverheadBuild;
  readonly settings: ConfigurationSettings;
  /** Arguments between program and script. */
  readonly before: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const USUAL = { entry: 'runmain', allocator: 'pymalloc' } as const;

/**
 * One factor at a time: every build as it is usually started; of the distribution's and of the best one also the other
 * entry and the other allocators.
 */
export function configurationsOf(builds: readonly OverheadBuild[]): readonly Cell[] {
  const usual = builds.map((build) => cell(build, USUAL));
  const bases = builds.filter(({ name }) => name === DISTRIBUTION || name === baseOf(builds)?.name);
  const others = bases.flatMap((build) => [
    cell(build, { ...USUAL, entry: 'embed' }),
    cell(build, { ...USUAL, allocator: 'malloc' }),
    cell(build, { ...USUAL, allocator: 'mimalloc' }),
  ]);
  return [...usual, ...others];
}

/** The build that the others are compared with: static, as the recipe has it, where it is among them. */
function baseOf(builds: readonly OverheadBuild[]): OverheadBuild | undefined {
  const own = builds.filter(({ name }) => name !== DISTRIBUTION);
  return (
    ['static-pgo+lto', 'static-pgo'].flatMap((name) => own.filter((one) => one.name === name))[0] ?? own[0]
  );
}

function cell(build: OverheadBuild, way: Pick<ConfigurationSettings, 'entry' | 'allocator'>): Cell {
  const { entry, allocator } = way;
  const more = [entry === 'embed' ? entry : '', allocator === 'pymalloc' ? '' : allocator].filter(Boolean);
  return {
    name: [build.name, ...more].join(' '),
    build,
    settings: { ...build.settings, ...way },
    before: entry === 'embed' ? ['--embed'] : [],
    // Wins over what the program was built with (docs.python.org, "Command line and environment").
    env: { PYTHONMALLOC: allocator },
  };
}
