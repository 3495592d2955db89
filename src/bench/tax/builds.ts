import {
  type CPythonBuild,
  isFromSource,
  type OptimizationFlag,
  type Resolved,
  type SourceSysroot,
} from '../../domain/definitions.ts';
import type { TaxSettings } from '../../domain/tax.ts';
import { TAX_RECIPES } from '../default-recipe.ts';

/** A program to measure: a recipe, its settings changed. */
export interface TaxBuild {
  readonly name: string;
  readonly recipe: string;
  readonly settings: Pick<TaxSettings, 'linkage' | 'flavour' | 'pie'>;
  change(resolved: Resolved): Resolved;
}

/** The distribution's shared library, which every program on the system that embeds Python loads. */
export const DISTRIBUTION = 'shared-debian';

const FLAVOURS = ['none', 'pgo', 'lto', 'pgo+lto'] as const;

const FLAGS: Readonly<Record<(typeof FLAVOURS)[number], readonly OptimizationFlag[]>> = {
  none: [],
  pgo: ['pgo'],
  lto: ['lto'],
  'pgo+lto': ['pgo', 'lto'],
};

/** Everything that can be built, by name; of each only what is wanted is made. */
export const BUILDS: readonly TaxBuild[] = [
  {
    name: DISTRIBUTION,
    recipe: TAX_RECIPES.shared,
    settings: { linkage: 'shared', flavour: 'debian', pie: 'pie' },
    change: (resolved) => resolved,
  },
  ...FLAVOURS.map((flavour) => ({
    name: `static-${flavour}`,
    recipe: TAX_RECIPES.static,
    settings: { linkage: 'static', flavour, pie: 'no-pie' } as const,
    change: (resolved: Resolved) => optimized(resolved, flavour),
  })),
  ...FLAVOURS.map((flavour) => ({
    name: `static-pie-${flavour}`,
    recipe: TAX_RECIPES.static,
    settings: { linkage: 'static', flavour, pie: 'pie' } as const,
    change: (resolved: Resolved) => anywhere(optimized(resolved, flavour)),
  })),
  ...FLAVOURS.map((flavour) => ({
    name: `shared-${flavour}`,
    recipe: TAX_RECIPES.static,
    settings: { linkage: 'shared', flavour, pie: 'pie' } as const,
    change: (resolved: Resolved) => shared(anywhere(optimized(resolved, flavour))),
  })),
];

/** What is measured in a hurry: the distribution's library against the recipe as it stands. */
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

/** A thread's own variables at fixed places (`-ftls-model`) are for programs, too. */
const FIXED_ADDRESS = /(?:^|\s)-(?:fno-pic|fno-pie|no-pie|ftls-model=local-exec)(?=\s|$)/g;

/** Code that can be loaded at any address. */
function anywhere(resolved: Resolved): Resolved {
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
 * The same CPython in a library of its own. Modules on further libraries are left out: archives meant for programs
 * cannot go into a shared library, and no workload imports them.
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
  return Object.fromEntries(modules.map((name) => [name, 'Left out of the shared library of the bench.']));
}

function withSysroot(resolved: Resolved, change: (sysroot: SourceSysroot) => SourceSysroot): Resolved {
  return isFromSource(resolved.sysroot) ? { ...resolved, sysroot: change(resolved.sysroot) } : resolved;
}
