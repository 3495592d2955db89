import * as z from 'zod';
import {
  addedTreeSchema,
  architecture,
  description,
  extensionModules,
  leftOutPatches,
  name,
  optimizationFlags,
  packageName,
  patches,
  triple,
  version,
  words,
} from './common.ts';

const head = {
  schema: version,
  description,
  libc: z.enum(['gnu', 'musl', 'wasi']).describe('Kind of C library it is for.'),
  default: z
    .boolean()
    .default(false)
    .describe(
      'Whether it is the default for this C library among those of its kind. Of two kinds a target has the one whose Python ' +
        'starts with the older glibc, unless the recipe says where its libpython comes from (`python.from`).',
    ),
  toolchain: name.describe('Default image of recipes with this sysroot: name of a folder in `docker/`.'),
  architectures: z
    .array(architecture)
    .min(1)
    .optional()
    .describe('Architectures of the image that it can be built with; without it all.'),
  sysroot: addedTreeSchema
    .prefault({})
    .describe("Link-time tree: what is added to what the target's C library brings."),
};

const packagesSchema = z
  .strictObject({
    ...head,
    kind: z.literal('packages').describe('Where it comes from: distribution packages.'),
  })
  .describe("A libpython of the distribution's packages.");

const crateSchema = z
  .strictObject({
    ...head,
    kind: z
      .literal('crate')
      .describe(
        'Where it comes from: a crate that the program depends on, with its standard library inside.',
      ),
  })
  .describe('The C library and what the interpreter links with, and nothing of Python.');

const cpythonSchema = z
  .strictObject({
    configure: words('Arguments of `configure`.'),
    cross: z
      .boolean()
      .default(false)
      .describe("Whether `configure` is told the target, and to use the image's own Python of that version."),
    env: z.record(z.string(), z.string()).default({}).describe('Environment of `configure`.'),
    setup: z.string().default('').describe('Text of `Modules/Setup.local`.'),
    ...extensionModules,
    optimization: optimizationFlags
      .default([])
      .describe('Default optimization of its compilation: `pgo` and `lto`.'),
  })
  .describe(
    "How CPython is built from the distribution's source package. What the Python says of extension modules holds where " +
      'nothing is said here.',
  );

const sourceSchema = z
  .strictObject({
    ...head,
    kind: z.literal('cpython-source').describe('Where it comes from: CPython built from its source, static.'),
    allocator: z
      .enum(['pymalloc', 'malloc', 'mimalloc'])
      .optional()
      .describe('Default allocator of Python objects, where neither recipe nor `PYTHONMALLOC` sets one.'),
    compiler: z
      .strictObject({
        flags: words('What the C compiler is called with, beside the target and `--sysroot`.'),
        multiarch: triple
          .optional()
          .describe('What `cc --print-multiarch` answers; without it the `multiarch` of the target.'),
      })
      .prefault({})
      .describe('The compiler that everything from source is built with.'),
    libraries: z
      .array(name)
      .default([])
      .describe(
        'Static libraries to build first: names of files in `libraries/`, each after those that it needs.',
      ),
    cpython: cpythonSchema,
    link: z
      .strictObject({
        static: words('Static libraries that others need, beside those that CPython was configured with.'),
        dynamic: words("Libraries that are linked dynamically: the target's own, which every system has."),
        'whole-python': z
          .boolean()
          .default(false)
          .describe(
            'Whether all of libpython goes into a program, for extension modules that are loaded later.',
          ),
        pie: z.boolean().default(true).describe('Whether programs can be loaded at any address.'),
        arguments: words('Further arguments of the linker.'),
      })
      .prefault({})
      .describe('How programs are linked with it.'),
  })
  .describe('A static libpython, built from source on a C library made of distribution packages.');

export const sysrootSchema = z
  .discriminatedUnion('kind', [packagesSchema, sourceSchema, crateSchema])
  .describe(
    'How a Python and the C library of a target are joined. Text may hold `{target}`, `{triple}`, `{clang-triple}`, ' +
      '`{multiarch}`, `{debian-arch}`, `{machine}`, `{python}` and `{suite}`.',
  );

export const librarySchema = z
  .strictObject({
    schema: version,
    description,
    source: packageName.describe('Source package.'),
    license: z
      .string()
      .min(1)
      .describe('Licence of what is built of it: an SPDX expression, for bills of materials.'),
    'stands-for': z
      .array(packageName)
      .default([])
      .describe(
        'Development packages of the distribution that it is there in place of: a recipe that adds one, or a package that ' +
          'depends on one, gets this library.',
      ),
    needs: z
      .array(name)
      .default([])
      .describe('Libraries that it is built on: names of files here. A sysroot lists them before it.'),
    'upstream-only': z
      .string()
      .min(1)
      .optional()
      .describe(
        "Why only upstream's archive of the source package is taken, and none of the distribution's own files, which have its " +
          'patches; without it both are.',
      ),
    patches,
    'left-out-patches': leftOutPatches,
    build: z
      .string()
      .min(1)
      .describe(
        'Shell script that runs in the unpacked source and installs into `$OUT`. `$CC`, `$AR`, `$RANLIB`, `$CFLAGS`, ' +
          '`$LDFLAGS`, `$HOST` (GNU name of the target), `$BUILD` (of the machine that builds), `$MACHINE`, `$JOBS` are set. ' +
          '`answer_by_running configure` lets a configure script of autoconf run its checks; `$RUN_TARGET` starts a program ' +
          'of the target.',
      ),
  })
  .describe('A static library and how it is built from its source package.');

export type SysrootFile = z.output<typeof sysrootSchema>;
export type LibraryFile = z.output<typeof librarySchema>;
