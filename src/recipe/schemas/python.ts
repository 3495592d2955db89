import * as z from 'zod';
import {
  description,
  INSIDE,
  name,
  packageName,
  patches,
  SAFE_PATH,
  suite,
  version,
  words,
} from './common.ts';

const inside = z.string().regex(SAFE_PATH, INSIDE);

const formSchema = z
  .strictObject({
    targets: z
      .array(name)
      .min(1)
      .optional()
      .describe('Targets that have it; without it every one that the sysroot is for.'),
    patches: z
      .array(inside)
      .refine((names) => new Set(names).size === names.length, 'a list that names each patch once')
      .default([])
      .describe("Patches of your own, below `patches/` beside this file, applied after the distribution's."),
    training: inside
      .optional()
      .describe('Script that profiles are taken of, beside this file; `pgo` needs it.'),
    'c-library': z
      .strictObject({
        package: packageName.describe('Package of the C library.'),
        'at-least': z.string().min(1).describe('First version that fits.'),
        below: z.string().min(1).optional().describe('First version that does not fit any more.'),
      })
      .optional()
      .describe('Which C libraries fit it; checked before anything is built.'),
  })
  .describe('What is particular to it.');

export const pythonSchema = z
  .strictObject({
    schema: version,
    description,
    implementation: z.literal('CPython').describe('The implementation that is embedded.'),
    version: z
      .string()
      .regex(/^[0-9]+\.[0-9]+t?$/, 'a version in quotes, such as `"3.13"`')
      .meta({
        description: 'Major and minor version, in quotes; a `t` behind it is the free-threaded build.',
        examples: ['3.13'],
      }),
    suite,
    source: z
      .strictObject({ package: packageName.describe('Source package.'), patches })
      .optional()
      .describe('What it is built from, where it is built.'),
    forms: z
      .record(name, formSchema)
      .describe(
        'Sysroots that it comes in: names of folders in `sysroots/`, each with what is particular to it.',
      ),
    variants: z
      .record(
        name,
        z.strictObject({
          configure: words('Further arguments of `configure`.'),
          abiflags: z
            .string()
            .regex(/^[a-z]*$/, 'letters, such as `d`')
            .default('')
            .describe("What the build adds to `sys.abiflags`, and to libpython's name."),
        }),
      )
      .default({})
      .describe('Other builds of the same source: name → what they are configured with.'),
  })
  .superRefine((python, context) => {
    if (python.forms !== undefined && Object.keys(python.forms).length === 0)
      context.addIssue({ code: 'custom', path: ['forms'], message: 'a mapping with at least one sysroot' });
  })
  .describe('One version of Python: where it comes from, and which forms of it there are.');

export const conformanceSchema = z
  .strictObject({
    schema: version,
    description,
    timeout: z.number().positive().max(86400).default(900).describe('Seconds that a module may take.'),
    modules: z
      .array(z.string().regex(/^test_\w+$/, 'the name of a module: `test_…`'))
      .min(1)
      .describe('Modules of `test` that are run where none are asked for.'),
    renamed: z
      .record(z.string(), z.string())
      .default({})
      .describe('Name that a module has in other versions of CPython → its name in this one.'),
    known: z
      .array(
        z.strictObject({
          test: z
            .string()
            .min(1)
            .describe(
              'Identifier of a test, `*` for any characters; the name of a module: it does not come to its end.',
            ),
          on: z
            .array(z.string().min(1))
            .min(1)
            .describe(
              'Targets, C libraries (`gnu`, `musl`, `wasi`) or runtimes (`qemu-user`) it applies to.',
            ),
          reason: z.string().min(1).describe('Why; the report shows it.'),
        }),
      )
      .default([])
      .describe('Tests that are known to fail on a target and not on the reference.'),
  })
  .describe("Which of CPython's own tests judge a program, and what is known to differ.");

export type PythonFile = z.output<typeof pythonSchema>;
export type ConformanceFile = z.output<typeof conformanceSchema>;
