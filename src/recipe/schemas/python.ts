import * as z from 'zod';
import {
  description,
  extensionModules,
  glibcVersion,
  INSIDE,
  leftOutPatches,
  name,
  packageName,
  patches,
  SAFE_PATH,
  sha256,
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
    glibc: z
      .union([glibcVersion, z.record(name, glibcVersion)], {
        error: 'a version in quotes, or one for each target',
      })
      .optional()
      .meta({
        description:
          'Version of the oldest glibc that this libpython starts with, in quotes: one for all targets, or one for each.',
        examples: ['2.38'],
      }),
    'c-library': z
      .strictObject({
        package: packageName.describe('Package of the C library.'),
        'at-least': z.string().min(1).describe('Oldest supported version.'),
        below: z.string().min(1).optional().describe('First version that is no longer supported.'),
      })
      .optional()
      .describe('Supported versions of the C library; checked before anything is built.'),
  })
  .describe('Settings of this Python in that sysroot.');

/** One line, in the C source and the Python source that it becomes part of. */
const startWord = z.string().regex(/^[^"\\\r\n]+$/, 'one line without double quotes and backslashes');

const startSchema = z
  .strictObject({
    environment: z
      .record(z.string().regex(/^PYTHON[A-Z0-9_]*$/, 'the name of a variable of Python'), startWord)
      .describe(
        'Variables that libpython reads where the environment has not set them; in an isolated configuration always. Neither ' +
          'the environment nor a child sees them.',
      ),
    shows: startWord.describe(
      'Expression of Python, with `sys`, that is true where they took effect: a program in which it is false ends as it starts.',
    ),
  })
  .describe('What the program switches on as it starts. For a libpython that is a shared library.');

const variantsSchema = z.record(
  name,
  z.strictObject({
    configure: words('Further arguments of `configure`, where it is built from source.'),
    abiflags: z
      .string()
      .regex(/^[a-z]*$/, 'letters, such as `d`')
      .default('')
      .describe("What the build adds to `sys.abiflags`, and to libpython's name."),
    patches: z
      .array(inside)
      .optional()
      .describe("Patches of your own in place of the sysroot's; without it these."),
    forms: z
      .array(name)
      .min(1)
      .optional()
      .describe('Sysroots that have it; without it those that are built from source.'),
    targets: z
      .array(name)
      .min(1)
      .optional()
      .describe('Targets that have it; without it every one that has the sysroot.'),
    start: startSchema.optional(),
    elsewhere: z.string().min(1).optional().describe('Why other targets and sysroots have it not.'),
  }),
);

export const pythonSchema = z
  .strictObject({
    schema: version,
    description,
    implementation: z
      .enum(['CPython', 'RustPython'])
      .describe(
        'The implementation that is embedded. RustPython is a crate that the program depends on, with its standard library inside.',
      ),
    version: z
      .string()
      .regex(/^[0-9]+\.[0-9]+t?$/, 'a version in quotes, such as `"3.13"`')
      .meta({
        description:
          'Major and minor version, in quotes; a `t` behind it is the free-threaded build. Of RustPython the version of the ' +
          'language that it says it implements (`sys.version_info`).',
        examples: ['3.13'],
      }),
    release: z
      .string()
      .regex(/^[0-9]+\.[0-9]+$/, 'a version in quotes, such as `"0.6"`')
      .optional()
      .meta({
        description:
          'Its own version, in quotes, where that is not the version of the language: of RustPython alone. The folder is named after it.',
        examples: ['0.6'],
      }),
    reference: name
      .optional()
      .describe(
        'The CPython that it is compared with, and whose tests it is given: a folder in `pythons/`. Of RustPython alone; every CPython has ' +
          'a packaged one of its own.',
      ),
    suite,
    'on-request': z
      .boolean()
      .default(false)
      .describe(
        'Whether it is taken only where it is asked for: by a recipe, by `--python`, or by a crate that no other one fits. For ' +
          'packages that no released system has the C library of.',
      ),
    t64: z
      .boolean()
      .default(true)
      .describe(
        'Whether libraries of its suite have the names that came with a `time_t` of 64 bits (`libssl3t64`): `{t64}` in ' +
          '`pythons/*.yaml`. Debian 13 and later.',
      ),
    conformance: name
      .optional()
      .describe(
        "The Python whose selection of CPython's own tests holds for it, too: a folder in `pythons/`. Without it there is a " +
          '`conformance.yaml` beside this file.',
      ),
    'not-for': z
      .record(name, z.string().min(1))
      .default({})
      .describe(
        'Targets that there is none for, variants that it has not, or `source` where there is none that is built from it, each ' +
          'with the reason; `provision list` prints it.',
      ),
    source: z
      .strictObject({
        package: packageName.describe('Source package.'),
        'libraries-suite': suite
          .optional()
          .describe(
            'Suite of the sources of the libraries, which `libraries/` has the patches for; without it that of this Python.',
          ),
        patches,
        'left-out-patches': leftOutPatches,
        configure: words('Arguments of `configure` in every sysroot.'),
        allocators: z
          .array(z.enum(['pymalloc', 'malloc', 'mimalloc']))
          .min(1)
          .default(['pymalloc', 'malloc', 'mimalloc'])
          .describe(
            "Allocators of Python objects that this version has. Where a sysroot has another one, it is CPython's default.",
          ),
        'left-out': z
          .array(inside)
          .default([])
          .describe(
            'Folders of the standard library that are left out, beside `test`: tests of parts of it.',
          ),
        ...extensionModules,
      })
      .optional()
      .describe('Source that it is built from.'),
    forms: z
      .record(name, formSchema)
      .describe(
        'Sysroots that it is available in: names of folders in `sysroots/`, each with its own settings.',
      ),
    variants: z
      .union([name, variantsSchema], { error: 'the name of a Python, or a mapping' })
      .default({})
      .describe(
        'Other builds, or other settings, of the same version: name → what is otherwise; or the Python in `pythons/` that has the same ones.',
      ),
  })
  .superRefine((python, context) => {
    for (const key of ['release', 'reference'] as const)
      if ((python[key] === undefined) === (python.implementation === 'RustPython'))
        context.addIssue({
          code: 'custom',
          path: [key],
          message: python[key] === undefined ? 'given for RustPython' : 'left out for CPython',
        });
    if (python.forms !== undefined && Object.keys(python.forms).length === 0)
      context.addIssue({ code: 'custom', path: ['forms'], message: 'a mapping with at least one sysroot' });
  })
  .describe('One version of Python: its source and the sysroots that it is available in.');

const minorVersion = z.string().regex(/^[0-9]+\.[0-9]+$/, 'a version in quotes, such as `"3.13"`');

export const bindingsSchema = z
  .strictObject({
    schema: version,
    description,
    releases: z
      .record(
        z.string().regex(/^[0-9]+\.[0-9]+$/, 'a release such as `"0.30"`'),
        z.strictObject({
          oldest: minorVersion.describe('The oldest CPython that it compiles for.'),
          newest: minorVersion.optional().describe('The newest; without it any.'),
          experimental: minorVersion
            .optional()
            .describe('A newer one that it compiles for with a warning; taken where it is asked for.'),
          'free-threaded': minorVersion
            .optional()
            .describe(
              'The oldest that it compiles for without the global interpreter lock; without it none.',
            ),
        }),
      )
      .describe(
        'Release → the versions of CPython that it compiles for. A release that is not here is taken to fit.',
      ),
  })
  .describe('Which versions of CPython the bindings that embed it compile for.');

export const conformanceSchema = z
  .strictObject({
    schema: version,
    description,
    timeout: z.number().positive().max(86400).default(900).describe('Seconds that a module may take.'),
    modules: z
      .array(z.string().regex(/^test_\w+$/, 'the name of a module: `test_…`'))
      .min(1)
      .describe('Modules of `test` that are run by default.'),
    renamed: z
      .record(z.string(), z.string())
      .default({})
      .describe(
        'Name that a module has in some versions of CPython → its name in others: the one that there is is run.',
      ),
    known: z
      .array(
        z.strictObject({
          test: z
            .string()
            .min(1)
            .describe(
              'Identifier of a test, `*` for any characters; the name of a module if the module does not finish.',
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
  .describe("The selection of CPython's own tests that a program is tested with, and the known differences.");

export const differencesSchema = z
  .strictObject({
    schema: version,
    description,
    known: z
      .array(
        z.strictObject({
          what: z.string().min(1).describe('What is otherwise, in a few words; the report shows it.'),
          names: z
            .array(z.string().min(1))
            .min(1)
            .describe(
              'What can be observed: `config:HAVE_FORK`, `module:readline`, `name:os.fork`, `sqlite:option:SOUNDEX`, …; `*` ' +
                'for any characters.',
            ),
          on: z
            .array(z.string().min(1))
            .min(1)
            .describe(
              'Targets, kinds of C library (`gnu`, `musl`, `wasi`), C libraries (`glibc-2.31`: files in `targets/libc/`), ' +
                'sysroots, or one for one target (`<sysroot>/<target>`).',
            ),
          reason: z.string().min(1).describe('Why; the report shows it.'),
        }),
      )
      .describe(
        'Each is compared with the packaged interpreter by the tests: none is missing, none too many.',
      ),
  })
  .describe(
    "In what a Python that is built from source differs from the distribution's packages: what it was configured with, " +
      'what its modules contain, and the options of its libraries.',
  );

export const profileSchema = z
  .strictObject({
    schema: version,
    description,
    sysroot: name.describe(
      'Sysroot that the training ran with: its patches of this Python are among what was profiled.',
    ),
    training: inside.describe('Script that the profile was taken of, beside this file.'),
    compiler: z.string().min(1).describe('Version of the clang that counted.'),
    inputs: sha256.describe('Of sources, patches and training: whether the profile is still of them.'),
    counts: z
      .strictObject({
        file: inside.describe('The counts, compressed with brotli, beside this file.'),
        sha256: sha256.describe('Of the counts themselves.'),
        functions: z.number().int().positive().describe('Functions that they know.'),
      })
      .describe('What clang reads with `-fprofile-instr-use`.'),
  })
  .describe(
    'How often each part of a CPython runs in a training. Written by `provision profile`; every CPython of this version that ' +
      'clang compiles from source is optimized with it, on whatever target.',
  );

const pattern = z
  .string()
  .min(1)
  .refine(isPattern, 'a regular expression of JavaScript, as the flags `m` and `u` read it');

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, 'mu').source !== '';
  } catch {
    return false;
  }
}

const ruleHead = {
  id: name.describe('Name of the cause, for JSON and as the heading of its group.'),
  what: z.string().min(1).describe('What differs, in one sentence without a full stop; reports show it.'),
};

export const causesSchema = z
  .strictObject({
    schema: version,
    description,
    crash: z
      .array(pattern)
      .default([])
      .describe(
        'What the interpreter prints on standard error where it fails itself, and no exception of Python was raised. A group may hold the ' +
          'reason.',
      ),
    module: z
      .array(pattern)
      .default([])
      .describe('What a program prints that misses a module; the first group is the name of the module.'),
    text: z
      .array(
        z.strictObject({
          ...ruleHead,
          pattern: pattern.describe('What is replaced.'),
          with: z.string().default('').describe('What stands in its place; `$1` is the first group.'),
        }),
      )
      .default([])
      .describe(
        'What is replaced in what both interpreters printed before they are compared once more: where they are equal then, they are equal ' +
          'but for text, which counts as different.',
      ),
    causes: z
      .array(
        z.strictObject({
          ...ruleHead,
          when: z
            .array(pattern)
            .min(1)
            .describe(
              'Tried on the lines that one side has and the other has not: those of the reference begin with `-`, the others with `+`.',
            ),
          'module-is-there': z
            .boolean()
            .default(false)
            .describe(
              'Whether a module that is missed for this cause is there, and cannot be imported for another reason.',
            ),
        }),
      )
      .default([])
      .describe('Causes of differences; all that fit are reported.'),
  })
  .describe(
    'By what the differences of another implementation of Python are classified, where they are measured.',
  );

export type CausesFile = z.output<typeof causesSchema>;
export type ProfileFile = z.output<typeof profileSchema>;
export type PythonVariants = z.output<typeof variantsSchema>;
export type PythonFile = z.output<typeof pythonSchema>;
export type BindingsFile = z.output<typeof bindingsSchema>;
export type ConformanceFile = z.output<typeof conformanceSchema>;
export type DifferencesFile = z.output<typeof differencesSchema>;
