import {
  type CPythonBuild,
  isFromSource,
  type OptimizationFlag,
  type Resolved,
  type SourceSysroot,
} from '../../domain/definitions.ts';
import type { ConfigurationSettings } from '../../domain/overhead.ts';
import { OVERHEAD_RECIPES } from '../default-recipe.ts';

/** A program to measure: a recipe with changed settings. */
export interface OverheadBuild {
  readonly name: string;
  readonly recipe: string;
  readonly settings: Pick<ConfigurationSettings, 'linkage' | 'flavour' | 'pie'>;
  change(resolved: Resolved): Resolved;
}

/** The distribution's shared library, as any program on the system that embeds Python loads it. */
export const DISTRIBUTION = 'shared-debian';

const FLAVOURS = ['none', 'pgo', 'lto', 'pgo+lto'] as const;

const FLAGS: Readonly<Record<(typeof FLAVOURS)[number], readonly OptimizationFlag[]>> = {
  none: [],
  pgo: ['pgo'],
  lto: ['lto'],
  'pgo+lto': ['pgo', 'lto'],
};

/** Everything that can be built; only the selected ones are. */
export const BUILDS: readonly OverheadBuild[] = [
  {
    name: DISTRIBUTION,
    recipe: OVERHEAD_RECIPES.shared,
    settings: { linkage: 'shared', flavour: 'debian', pie: 'pie' },
    change: (resolved) => resolved,
  },
  ...FLAVOURS.map((flavour) => ({
    name: `static-${flavour}`,
    recipe: OVERHEAD_RECIPES.static,
    settings: { linkage: 'static', flavour, pie: 'no-pie' } as const,
    change: (resolved: Resolved) => optimized(resolved, flavour),
  })),
  ...FLAVOURS.map((flavour) => ({
    name: `static-pie-${flavour}`,
    recipe: OVERHEAD_RECIPES.static,
    settings: { linkage: 'static', flavour, pie: 'pie' } as const,
    change: (resolved: Resolved) => positionIndependent(optimized(resolved, flavour)),
  })),
  ...FLAVOURS.map((flavour) => ({
    name: `shared-${flavour}`,
    recipe: OVERHEAD_RECIPES.static,
    settings: { linkage: 'shared', flavour, pie: 'pie' } as const,
    change: (resolved: Resolved) => shared(positionIndependent(optimized(resolved, flavour))),
  })),
];

/** The selection of `--quick`: the distribution's library and the unchanged recipe. */
export const QUICK: readonly string[] = [DISTRIBUTION, 'static-pgo+lto'];

function optimized(resolved: Resolved, flavour: (typeof FLAVOURS)[number]): Resolved {
  const optimization = FLAGS[flavour];
  return {
    ...withSysroot(resolved, (sysroot) => ({
      ...sysroot,
      source: { ...sysroot.source, cpython: { ...sysroot.source.cpython, optimization } },
    })),
    recipe: { ...resolved.recipe, optimization },
  };
}

/** `-ftls-model=local-exec` is included: it is valid in programs only, not in shared libraries. */
const FIXED_ADDRESS = /(?:^|\s)-(?:fno-pic|fno-pie|no-pie|ftls-model=local-exec)(?=\s|$)/g;

/** Position-independent code. */
function positionIndependent(resolved: Resolved): Resolved {
  return withSysroot(resolved, (sysroot) => ({
    ...sysroot,
    compiler: {
      ...sysroot.compiler,
      flags: sysroot.compiler.flags.filter((flag) => !flag.match(FIXED_ADDRESS)),
    },
    source: {
      ...sysroot.source,
      cpython: {
        ...sysroot.source.cpython,
        env: Object.fromEntries(
          Object.entries(sysroot.source.cpython.env).map(([name, value]) => [
            name,
            value.replaceAll(FIXED_ADDRESS, ''),
          ]),
        ),
      },
    },
    link: { ...sysroot.link, pie: true },
  }));
}

/**
 * The same CPython as a shared library. Modules that need further libraries are left out: their archives are not
 * position-independent, and no workload imports them.
 */
function shared(resolved: Resolved): Resolved {
  return withSysroot(resolved, (sysroot) => ({
    ...sysroot,
    source: {
      ...sysroot.source,
      cpython: {
        ...sysroot.source.cpython,
        configure: [
          ...sysroot.source.cpython.configure.filter((word) => word !== '--disable-shared'),
          '--enable-shared',
          ...sysroot.source.cpython.modules.map((name) => `py_cv_module_${name}=n/a`),
        ],
        modules: [],
      },
    },
    without: { ...sysroot.without, ...leftOut(sysroot.source.cpython) },
    link: { ...sysroot.link, wholePython: false },
  }));
}

function leftOut({ modules }: CPythonBuild): Readonly<Record<string, string>> {
  return Object.fromEntries(modules.map((name) => [name, "Left out of the bench's shared library."]));
}

function withSysroot(resolved: Resolved, change: (sysroot: SourceSysroot) => SourceSysroot): Resolved {
  return isFromSource(resolved.sysroot) ? { ...resolved, sysroot: change(resolved.sysroot) } : resolved;
}
