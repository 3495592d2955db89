import * as z from 'zod';

// Each schema reads a few files of a run: generating code for it takes longer than the reading.
z.config({ jitless: true });

/** The one version of every file format here. A file with a greater number is for a newer provision. */
export const SCHEMA_VERSION = 1;

/** What a name of a recipe, target, image or sysroot may be: it becomes a file name and a part of other names. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

export const SAFE_PATH = /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[^\0]+$/;
export const INSIDE = 'a path inside the tree: not absolute, no `..`';

// The messages given to patterns complete the sentence "it must be …". Where definitions are templates, `{name}` stands for
// what is filled in before a value is checked; the patterns accept it for the sake of editors.
export const version = z.literal(SCHEMA_VERSION).describe('Version of this file format.');
export const description = z.string().min(1).describe('One sentence that describes it.');
export const name = z.string().regex(NAME, 'a name of letters, digits, `.`, `_`, `-`');
export const path = z.string().min(1);
export const suite = z
  .string()
  .regex(/^(?:\{suite\}|[a-z][a-z0-9-]*)$/, 'the name of a Debian suite, such as `trixie`')
  .meta({ description: 'Suite of the distribution that the packages come from.', examples: ['trixie'] });
export const architecture = z
  .string()
  .regex(/^(?:\{debian-arch\}|[a-z0-9]+(-[a-z0-9]+)*)$/, 'the name of a Debian architecture')
  .describe("Debian's name of the packages' architecture.");
export const glibcVersion = z
  .string()
  .regex(/^2\.(?:0|[1-9][0-9]*)$/, 'a version of glibc in quotes, such as `"2.31"`');
export const program = z
  .string()
  .regex(
    /^(?:[A-Za-z0-9]|\{[a-z-]+\})(?:[A-Za-z0-9._+-]|\{[a-z-]+\})*$/,
    'the name of a program, without a path',
  );
export const triple = z.string().regex(/^[a-z0-9_.]+(-[a-z0-9_.]+)+$/, 'a target triple');

export const packageName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9+.-]|\{[a-z0-9-]+\})+$/, 'the name of a Debian package');

/** Extension modules of a build from source. */
export const extensionModules = {
  modules: z
    .array(z.string().min(1))
    .optional()
    .describe('Extension modules that must be in it: a build without one of them is a failure.'),
  without: z
    .record(z.string(), z.string())
    .optional()
    .describe('Extension modules that are not in it, each with the reason; the report lists them.'),
} as const;

export const words = (what: string) => z.array(z.string().min(1)).default([]).describe(what);

export const patches = z
  .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/, 'the name of a patch'))
  .default([])
  .describe(
    "Patches of the distribution, by their names in the source package's `debian/patches`, in order.",
  );

/** What `patches` leaves out, so that nothing is left out by oversight. */
export const leftOutPatches = z
  .record(z.string(), z.string().min(1))
  .default({})
  .describe(
    "Patches of `debian/patches` that are not applied → why. With `patches` they are the package's whole series.",
  );

const packages = z
  .array(packageName)
  .describe('Packages to install, with their dependencies; recommended packages are not installed.');

/** A tree of packages, or what one adds to another. */
export const treeKeys = {
  packages: packages.default([]),
  without: z
    .array(packageName)
    .default([])
    .describe(
      'Packages that are assumed to be installed: neither they nor what only they depend on is installed. One that ' +
        'exists on another architecture only is ignored.',
    ),
  exclude: z
    .array(z.string().regex(SAFE_PATH, INSIDE))
    .default([])
    .describe(
      'Entries that are not unpacked: patterns with `*` (within one name) and `**` (any depth), relative to the root. ' +
        'Documentation, manual pages and locales are left out by rule.',
    ),
  links: z
    .record(z.string().regex(SAFE_PATH, INSIDE), z.string().min(1))
    .default({})
    .describe('Symbolic links to make in the unpacked tree: path → what it points at.'),
  files: z
    .record(z.string().regex(SAFE_PATH, INSIDE), z.string())
    .default({})
    .describe('Small text files to write into the unpacked tree: path → content.'),
  etc: z
    .array(z.string().regex(/^[a-z][a-z.]*$/, 'the name of a file in `docker/etc/`'))
    .default([])
    .describe('Files of `docker/etc/` to write into its `etc/`.'),
};

/** A tree that stands alone. */
export const treeSchema = z.strictObject({ ...treeKeys, packages: packages.min(1) });

/** What is added to a tree. */
export const addedTreeSchema = z.strictObject(treeKeys);

export type TreeFile = z.output<typeof addedTreeSchema>;

/** How CPython is compiled. Each flag once. */
export const optimizationFlags = z
  .array(z.enum(['pgo', 'lto']))
  .refine((flags) => new Set(flags).size === flags.length, 'a list that names each flag once');

export const seconds = z.number().positive().max(86400);

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'the 64 hexadecimal digits of a SHA-256');
