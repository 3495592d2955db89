import * as z from 'zod';
import {
  architecture,
  description,
  glibcVersion,
  name,
  packageName,
  program,
  suite,
  treeSchema,
  triple,
  version,
} from './common.ts';

export const targetSchema = z
  .strictObject({
    schema: version,
    description: description.describe('The platform, as `provision list` names it.'),
    name: name.describe('Short name of the target: of its recipe, and wherever a target is named.'),
    recipe: name.optional().describe('Name of the recipe that the target has by itself; without it `name`.'),
    tier: z
      .literal([1, 2, 3])
      .describe(
        'What is promised. 1: built and run by the test suite of every change. 2: built and run before each release. ' +
          '3: planned and locked, not run regularly.',
      ),
    'clang-triple': triple.describe('What clang takes as `--target=`.'),
    multiarch: triple
      .optional()
      .describe(
        'GNU triple: the name of the folder below `usr/lib` that holds its libraries; without it `clang-triple`.',
      ),
    'linux-arch': z
      .string()
      .regex(/^[a-z0-9]+$/, 'the name of a folder in `arch/` of Linux')
      .optional()
      .describe("Linux's own name of the architecture, where a C library's definition asks for it."),
    'debian-arch': architecture.describe("Debian's name of the architecture."),
    'oci-platform': z
      .string()
      .regex(/^[a-z0-9]+\/[a-z0-9]+(\/v[0-9]+)?$/, 'an OCI platform: `linux/<architecture>`')
      .describe('Platform as container images name it.'),
    machine: z
      .string()
      .regex(/^[A-Za-z0-9_]+$/, 'a machine name as `uname -m` prints it')
      .describe('As `uname -m` prints it; a Linux host of this machine runs the program without emulation.'),
    'maybe-on': z
      .array(z.string().regex(/^[A-Za-z0-9_]+$/, 'a machine name as `uname -m` prints it'))
      .default([])
      .describe(
        'Other machines whose kernel and processor may start its programs. Whether one does is tried; if not, the reference ' +
          'interpreter of this architecture is emulated there.',
      ),
    libc: name.meta({
      description: 'C library of the target: name of a file in `targets/libc/`.',
      examples: ['glibc-2.41'],
    }),
    'older-libc': z
      .strictObject({
        name: name.describe('Name of a file in `targets/libc/`.'),
        glibc: glibcVersion.describe(
          'The glibc that a Python from source starts with that is linked with it.',
        ),
      })
      .optional()
      .describe(
        'An older C library that programs can be linked with although something is lacking there: a recipe whose `glibc` is ' +
          'below what `libc` gives is. Its sysroots have locks of their own.',
      ),
    'pointer-width': z.literal([32, 64]).default(64).describe('Bits of a pointer.'),
    endianness: z.enum(['little', 'big']).default('little').describe('Byte order.'),
    elf: z
      .strictObject({
        machine: z.string().min(1).describe('`Machine:` as `readelf -h` prints it.'),
        number: z.number().int().min(1).max(65535).describe('The same as `e_machine` has it, elf(5).'),
        interpreter: z
          .string()
          .regex(/^\/[^\0]*$/, 'an absolute path')
          .optional()
          .describe('Path of the program interpreter (dynamic loader); without it programs are static.'),
      })
      .optional()
      .describe('Properties that every built program is checked for.'),
    runtime: z
      .enum(['qemu-user', 'wasmtime'])
      .describe('Runtime of programs on machines that cannot start them: on its own a target needs none.'),
    emulator: z
      .strictObject({
        program: program.describe('Program in the toolchain image.'),
        cpu: z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9._,=+-]*$/, 'a CPU model as `-cpu` takes it')
          .optional()
          .describe('CPU model to emulate; without it the default of the emulator.'),
      })
      .optional()
      .describe('Emulator of `qemu-user`.'),
    'actions-runner': z
      .string()
      .min(1)
      .optional()
      .meta({
        description:
          'Label of the hosted runner of GitHub Actions that is such a machine, where there is one.',
        examples: ['ubuntu-24.04'],
      }),
  })
  .superRefine((target, context) => {
    if (target.runtime === 'qemu-user' && target.emulator === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['emulator'],
        message: 'there: runtime `qemu-user` needs it',
      });
    }
    if (target.runtime !== 'qemu-user' && target.emulator !== undefined) {
      context.addIssue({
        code: 'custom',
        path: ['emulator'],
        message: 'left out: only the runtime `qemu-user` has one',
      });
    }
  })
  .describe(
    'Platform facts of one target, in a file named after its Rust triple (`rustc --print target-list`).',
  );

export const libcSchema = z
  .strictObject({
    schema: version,
    description,
    kind: z.enum(['gnu', 'musl', 'wasi']).describe('Which C library it is.'),
    suite,
    cxx: packageName
      .optional()
      .describe('Package of the C++ standard library for it, to compile with, where there is one.'),
    'oldest-release': glibcVersion.optional().meta({
      description:
        'Of glibc, in quotes: the oldest release that programs can be linked for with it, where a recipe asks for one (`glibc`). ' +
        'Symbols that are newer are then hidden in its libraries. Only for those of before 2.34: what used to be in libraries ' +
        'of their own, such as threads, is in the C library since.',
      examples: ['2.17'],
    }),
    link: treeSchema.describe('What a program is linked with: headers, C library, compiler runtime.'),
    run: z
      .union([name, treeSchema])
      .describe(
        'Run-time tree the bundle is tested in: the C library and nothing of Python, so that a bundle proves itself. A name: ' +
          'the packages are those that the C library of that name says, of the suite of this one.',
      ),
  })
  .describe(
    'A C library of one version. Text may hold `{triple}`, `{clang-triple}`, `{multiarch}`, `{debian-arch}`, `{machine}`, ' +
      '`{package-machine}` (as package names spell it) and `{linux-arch}` of the target.',
  );

export type TargetFile = z.output<typeof targetSchema>;
export type LibcFile = z.output<typeof libcSchema>;
