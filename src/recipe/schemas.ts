import * as z from 'zod';

// Each schema reads one to three files of a run: generating code for it takes longer than the reading.
z.config({ jitless: true });

/** The one version of every file format here. A file with a greater number is for a newer provision. */
export const SCHEMA_VERSION = 1;

/** What a name of a recipe, target, image or sysroot may be: it becomes a file name and a part of other names. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

const SAFE_PATH = /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[^\0]+$/;
const INSIDE = 'a path inside the tree: not absolute, no `..`';

// The messages given to patterns complete the sentence "it must be …".
const version = z.literal(SCHEMA_VERSION).describe('Version of this file format.');
const description = z.string().min(1).describe('One sentence for people.');
const name = z.string().regex(NAME, 'a name of letters, digits, `.`, `_`, `-`');
const path = z.string().min(1);
const suite = z
  .string()
  .regex(/^[a-z][a-z0-9-]*$/, 'the name of a Debian suite, such as `trixie`')
  .meta({ description: 'Suite of the distribution that the packages come from.', examples: ['trixie'] });
const architecture = z
  .string()
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'the name of a Debian architecture')
  .describe("Debian's name of the packages' architecture.");
const program = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/, 'the name of a program, without a path');
const triple = z.string().regex(/^[a-z0-9_.]+(-[a-z0-9_.]+)+$/, 'a target triple');

const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'the name of a Debian package');

const tree = {
  packages: z
    .array(packageName)
    .min(1)
    .describe('Packages to install; what they depend on comes along, what they recommend does not.'),
  without: z
    .array(packageName)
    .default([])
    .describe(
      'Packages that are taken to be there already: neither they nor what only they need comes along.',
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
};

const mebibytes = z.number().int().positive().max(4096);

export const wasmSchema = z.strictObject({
  'stack-mib': mebibytes
    .default(8)
    .describe("Stack, in MiB: of the module's own, and of the one that the runtime gives its functions."),
  'initial-memory-mib': mebibytes
    .default(16)
    .describe('Memory a run begins with, in MiB; the stack and 3 MiB of data are part of it.'),
  'max-memory-mib': mebibytes.optional().describe('Memory a run may grow to, in MiB; without it 4096.'),
  fuel: z
    .number()
    .int()
    .positive()
    .optional()
    .describe(
      'Fuel of a run, about one unit for an instruction; without it nothing is counted, which is faster.',
    ),
  timeout: z
    .number()
    .positive()
    .max(86400)
    .optional()
    .describe(
      'Seconds after which the runtime itself ends a run; without it nothing is watched, which is faster.',
    ),
  wasmtime: z
    .enum(['pinned', 'path'])
    .default('pinned')
    .describe(
      'Which wasmtime runs it: the locked one, or the one on PATH, which must be of the same major version.',
    ),
  snapshot: z
    .boolean()
    .default(false)
    .describe(
      'Whether the module begins where its interpreter has been initialised. The program must export ' +
        '`wizer.initialize` and `wizer.resume`; the shipped runner does with `features: [snapshot]`.',
    ),
});

const bin = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_-]*$/, 'the name of a binary target')
  .meta({ description: 'Binary of the crate that is built and run.', examples: ['isolate'] });

const variables = (what: string) =>
  z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable'), z.string())
    .default({})
    .describe(what);

const seconds = z.number().positive().max(86400);

/** What a recipe and an extending recipe say alike of the crate. */
const projectKeys = {
  profile: z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/, 'the name of a cargo profile')
    .default('release')
    .describe('Cargo profile to build with.'),
  features: z
    .array(z.string().regex(/^[^\s,]+$/, 'the name of one cargo feature'))
    .default([])
    .describe('Cargo features to switch on.'),
  'default-features': z.boolean().default(true).describe("Whether the crate's default features are on."),
  env: variables('Further environment of the build; it wins over what provision sets.'),
};

/** … of the sample suite … */
const samplesPath = z.union([path, z.array(path).min(1)], { error: 'a path or a list of paths' });

const samplesKeys = {
  timeout: seconds.default(60).describe('Seconds a sample may take where its own header does not say.'),
  args: z
    .array(z.string())
    .refine((words) => words.some((word) => word.includes('{script}')), 'a list with `{script}` in one entry')
    .optional()
    .meta({
      description:
        "Arguments that the program is started with: `{script}` stands for the script's path, an entry `{args}` for the " +
        'arguments in its header. Without it: the script, then its arguments, as `python3` takes them.',
      examples: [['run', '{script}', '{args}']],
    }),
  env: variables('Further environment of every sample, on the target and on the reference.'),
};

const testsSchema = z
  .strictObject({
    cargo: z
      .strictObject({
        args: z
          .array(z.string())
          .default([])
          .describe('Arguments of `cargo test` in front of `--`: `--lib`, `--test <name>`.'),
        harness: z.array(z.string()).default([]).describe('Arguments of the test programs, behind `--`.'),
        timeout: seconds.default(600).describe('Seconds all of it may take, compiling included.'),
      })
      .optional()
      .describe("Run `cargo test` for the target, its programs in the target's runtime."),
    commands: z
      .array(
        z
          .strictObject({
            name: z
              .string()
              .regex(NAME, 'a name of letters, digits, `.`, `_`, `-`')
              .describe('Name of the test.'),
            args: z.array(z.string()).default([]).describe('Arguments of the program.'),
            stdin: z.string().default('').describe('Standard input.'),
            status: z.number().int().min(0).max(255).default(0).describe('Exit status it must end with.'),
            stdout: z
              .string()
              .optional()
              .describe('What it must print on standard output, byte for byte; without it anything.'),
            reference: z
              .array(z.string())
              .min(1)
              .optional()
              .meta({
                description:
                  'Arguments of the reference interpreter: standard output, standard error and exit status must be equal to its own.',
                examples: [['-c', 'print("hello")']],
              }),
            timeout: seconds.default(60).describe('Seconds it may take.'),
          })
          .superRefine((command, context) => {
            if (command.reference === undefined || command.stdout === undefined) return;
            context.addIssue({
              code: 'custom',
              path: ['stdout'],
              message: 'left out where `reference` says it',
            });
          }),
      )
      .default([])
      .describe('Runs of the program itself, from the bundle.'),
  })
  .describe('What is run beside the samples.');

const wasmRuntime = z.enum(['wasmtime', 'node-wasi']);

/** … and of the rest. */
const commonKeys = {
  limits: z
    .strictObject({
      'memory-mib': z
        .number()
        .int()
        .min(64)
        .max(1 << 24)
        .optional()
        .describe('Memory that each command may take, in MiB.'),
      processors: z
        .number()
        .min(0.1)
        .max(1024)
        .optional()
        .describe("Processors' worth of time that each command may take."),
    })
    .optional()
    .describe('What commands may use; the Docker engine holds to it, `namespace` says that it does not.'),
  actions: z
    .strictObject({
      runner: z
        .string()
        .min(1)
        .optional()
        .describe(
          "Label of the runner, in place of that of the toolchain image's machine (`actions-runner` of its target).",
        ),
      'timeout-minutes': z
        .number()
        .int()
        .min(1)
        .max(35 * 24 * 60)
        .optional()
        .describe('Minutes a job may take; without it 30, and 120 where CPython is built from source.'),
    })
    .optional()
    .describe('What `provision matrix` says of the recipe to GitHub Actions.'),
  optimization: z
    .enum(['none', 'pgo', 'lto', 'pgo+lto'])
    .optional()
    .describe(
      'How a CPython that is built from source is compiled, in place of what its sysroot says: with profiles of a ' +
        'training workload, with optimization at link time, with both.',
    ),
  allocator: z
    .enum(['pymalloc', 'malloc', 'mimalloc'])
    .optional()
    .describe(
      "What Python's objects are allocated with where `PYTHONMALLOC` does not say; without it what CPython takes. The " +
        'build sees it as `PROVISION_PYTHON_ALLOCATOR`; the program must heed it, as the shipped runner does.',
    ),
  rust: z
    .enum(['image', 'host'])
    .default('image')
    .describe(
      "Which Rust compiles the program: that of the toolchain image, or your own of rustup, as it is chosen in the project's " +
        "folder (`rustup target add` brings the target's standard library).",
    ),
  python: z
    .strictObject({
      packages: z
        .union([path, z.array(z.string().min(1)).min(1)], { error: 'a path or a list of requirements' })
        .optional()
        .meta({
          description:
            'Packages that the program imports: lines of a requirements file, each with version and digests (of the wheels ' +
            'for the target and for the reference), or the path of such a file, relative to this one. Only wheels are taken.',
          examples: [['six==1.17.0 --hash=sha256:…']],
        }),
    })
    .optional()
    .describe('What goes into the bundle beside the standard library.'),
  tests: testsSchema.optional(),
  runtime: wasmRuntime
    .optional()
    .describe(
      "Runtime for WebAssembly in place of the target's: a name of a folder in `runtimes/`, or `node-wasi`, the WASI of Node.",
    ),
  runner: wasmRuntime.optional().describe('The old name of `runtime`.'),
  wasm: wasmSchema
    .optional()
    .describe('What WebAssembly leaves to the linker and the runtime of a module; only for such targets.'),
};

export const recipeSchema = z
  .strictObject({
    schema: version,
    description: description.describe('One sentence; `provision list` prints it.'),
    target: name.describe('What the program is built for: name of a file in `targets/`.'),
    toolchain: name.meta({
      description: 'Image with compiler, linker and emulator: name of a folder in `docker/`.',
      examples: ['llvm'],
    }),
    sysroot: name.describe('Libraries and libpython of the target: name of a folder in `sysroots/`.'),
    reference: name.meta({
      description:
        'Image with the interpreter that says what is right: name of a folder in `docker/`. Every sample must give ' +
        'the same bytes there and on the target.',
      examples: ['python3.13'],
    }),
    project: z
      .strictObject({
        path: path.meta({
          description: 'Folder of the crate (where its `Cargo.toml` is), relative to this file.',
          examples: ['../runner'],
        }),
        bin,
        ...projectKeys,
      })
      .describe('The Rust program that embeds Python.'),
    samples: z
      .strictObject({
        path: samplesPath.meta({
          description: 'Scripts, or folders of scripts, to run on the target; relative to this file.',
          examples: ['../runner/samples'],
        }),
        ...samplesKeys,
      })
      .describe('The sample suite.'),
    ...commonKeys,
  })
  .describe('One provisionable thing: a program, the platform it is for, and how it is proved to run there.');

export const extendingSchema = z
  .strictObject({
    schema: version,
    extends: name.meta({
      description:
        'Shipped recipe (`provision list`) that target, toolchain, sysroot and reference interpreter are taken from. ' +
        '`provision <another>` in the same project takes them from that one.',
      examples: ['musl'],
    }),
    description: description.optional(),
    project: z
      .strictObject({
        path: path
          .default('.')
          .describe('Folder of the crate (where its `Cargo.toml` is), relative to this file.'),
        bin: bin
          .optional()
          .describe(
            'Binary of the crate that is built and run; without it the only one, or its `default-run`.',
          ),
        ...projectKeys,
      })
      .prefault({})
      .describe('Your Rust program that embeds Python.'),
    sysroot: z
      .strictObject({
        packages: z
          .array(packageName)
          .min(1)
          .meta({
            description:
              "Packages of the target's architecture that the crate links with, beside those of the recipe. `provision lock` " +
              'writes their lock beside this file.',
            examples: [['libssl-dev']],
          }),
      })
      .optional()
      .describe('What the sysroot has beside that of the recipe.'),
    samples: z
      .strictObject({
        path: samplesPath.optional().meta({
          description:
            'Scripts, or folders of scripts, to run on the target; relative to this file. Without it the folder ' +
            '`samples` beside this file, where there is one.',
          examples: ['samples'],
        }),
        ...samplesKeys,
      })
      .prefault({})
      .describe('The sample suite.'),
    ...commonKeys,
  })
  .describe(
    'What a person writes for a crate, as `provision.yaml` in its folder: a shipped recipe with another program in it.',
  );

export const targetSchema = z
  .strictObject({
    schema: version,
    description: description.optional(),
    'rust-triple': triple.describe("Rust's name of the target, as `rustc --print target-list` has it."),
    'clang-triple': triple.describe('What clang takes as `--target=`.'),
    multiarch: triple.describe(
      'GNU triple: the name of the folder below `usr/lib` that holds its libraries.',
    ),
    'debian-arch': architecture.describe("Debian's name of the architecture."),
    'oci-platform': z
      .string()
      .regex(/^[a-z0-9]+\/[a-z0-9]+(\/v[0-9]+)?$/, 'an OCI platform: `linux/<architecture>`')
      .describe('Platform as container images name it.'),
    machine: z
      .string()
      .regex(/^[A-Za-z0-9_]+$/, 'a machine name as `uname -m` prints it')
      .describe('As `uname -m` prints it; a Linux host of this machine runs the program without emulation.'),
    libc: z.enum(['gnu', 'musl', 'wasi']).describe('C library of the target.'),
    'pointer-width': z.literal([32, 64]).describe('Bits of a pointer.'),
    endianness: z.enum(['little', 'big']).describe('Byte order.'),
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
      .describe('What every built program is checked for.'),
    runner: z
      .enum(['native', 'qemu-user', 'wasmtime'])
      .describe('How a program is started where the host is of another machine.'),
    emulator: program.optional().describe('Emulator in the toolchain image; `qemu-user` needs it.'),
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
    if (target.runner === 'qemu-user' && target.emulator === undefined) {
      context.addIssue({ code: 'custom', path: ['emulator'], message: 'runner `qemu-user` needs it' });
    }
  })
  .describe('Platform facts of one target; nothing here depends on a project.');

export const imageSchema = z
  .strictObject({
    schema: version,
    description,
    suite,
    architecture,
    ...tree,
    tools: z
      .record(z.string().regex(/^[a-z][a-z0-9-]*$/, 'the name of a role'), program)
      .default({})
      .describe(
        'Role → program in the image, where packages give programs a name of their own: `cc: clang-19`.',
      ),
  })
  .describe('A root filesystem of host tools, made of locked distribution packages.');

const sysrootHead = {
  schema: version,
  description,
  suite,
  target: name.describe('Target it is for: name of a file in `targets/`.'),
  architecture,
  python: z
    .strictObject({
      implementation: z.literal('CPython').describe('The implementation that is embedded.'),
      version: z
        .string()
        .regex(/^[0-9]+\.[0-9]+$/, 'a version in quotes, such as `"3.13"`')
        .meta({ description: 'Major and minor version, in quotes.', examples: ['3.13'] }),
    })
    .describe('The Python in it.'),
};

const rootfs = z
  .strictObject(tree)
  .describe(
    'Run-time tree the bundle is tested in: libc and nothing of Python, so that a bundle proves itself.',
  );

const packagesSysrootSchema = z
  .strictObject({
    ...sysrootHead,
    kind: z.literal('packages').describe('Where it comes from: distribution packages.'),
    sysroot: z
      .strictObject(tree)
      .describe('Link-time tree: headers, libraries, libpython, the Rust standard library.'),
    rootfs,
  })
  .describe('A libpython sysroot made of distribution packages.');

const words = (what: string) => z.array(z.string().min(1)).default([]).describe(what);

const patches = z
  .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/, 'the name of a patch'))
  .default([])
  .describe(
    "Patches of the distribution, by their names in the source package's `debian/patches`, in order.",
  );

const cpythonSchema = z
  .strictObject({
    source: packageName.describe('Source package.'),
    patches,
    'own-patches': z
      .array(path)
      .default([])
      .describe("Patches of your own, relative to this file, applied after the distribution's."),
    configure: words('Arguments of `configure`.'),
    env: z.record(z.string(), z.string()).default({}).describe('Environment of `configure`.'),
    setup: z.string().default('').describe('Text of `Modules/Setup.local`.'),
    make: z.array(z.string().min(1)).min(1).default(['all']).describe('Targets of `make`.'),
    modules: words('Extension modules that must be in it: a build without one of them is a failure.'),
    without: z
      .record(z.string(), z.string())
      .default({})
      .describe('Extension modules that are not in it, each with the reason; the report lists them.'),
    optimization: z
      .enum(['none', 'pgo', 'lto', 'pgo+lto'])
      .default('none')
      .describe('How it is compiled where the recipe does not say.'),
    training: path
      .optional()
      .describe('Script that profiles are taken of, relative to this file; `pgo` needs it.'),
  })
  .superRefine((cpython, context) => {
    if (cpython.optimization.startsWith('pgo') && cpython.training === undefined) {
      context.addIssue({ code: 'custom', path: ['training'], message: '`pgo` needs it' });
    }
  })
  .describe("How CPython is built from the distribution's source package.");

const sourceSysrootSchema = z
  .strictObject({
    ...sysrootHead,
    kind: z.literal('cpython-source').describe('Where it comes from: CPython built from its source, static.'),
    sysroot: z
      .strictObject(tree)
      .describe('What it is built on and linked with: C library, compiler runtime, static libraries.'),
    rootfs,
    compiler: z
      .strictObject({
        name: z
          .enum(['clang', 'gcc'])
          .default('clang')
          .describe('Which compiler of the toolchain image: `clang` is its `cc`, `gcc` its `gcc`.'),
        flags: words('What the C compiler is called with, beside the target and `--sysroot`.'),
        multiarch: triple
          .optional()
          .describe('What `cc --print-multiarch` answers; without it the `multiarch` of the target.'),
      })
      .prefault({})
      .describe('The compiler that everything from source is built with.'),
    'c-library': z
      .strictObject({
        package: packageName.describe('Package of the C library.'),
        ranges: z
          .record(
            z.string(),
            z.strictObject({
              'at-least': z.string().min(1).describe('First version that fits.'),
              below: z.string().min(1).optional().describe('First version that does not fit any more.'),
            }),
          )
          .describe('Minor version of Python → versions of the package that it works with.'),
      })
      .optional()
      .describe('Which C libraries fit CPython; checked before anything is built.'),
    libraries: z
      .array(name)
      .default([])
      .describe('Static libraries to build first: names of files in `libraries/`.'),
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
    'rust-std': z
      .enum(['packages', 'source'])
      .default('packages')
      .describe('Where the Rust standard library of the target comes from: the tree above, or its source.'),
  })
  .describe('A static libpython, built from source on a C library made of distribution packages.');

export const librarySchema = z
  .strictObject({
    schema: version,
    description,
    source: packageName.describe('Source package.'),
    patches,
    build: z
      .string()
      .min(1)
      .describe(
        'Shell script that runs in the unpacked source and installs into `$OUT`. `$CC`, `$AR`, `$RANLIB`, `$CFLAGS`, ' +
          '`$LDFLAGS`, `$HOST` (GNU name of the target), `$BUILD` (of the machine that builds), `$MACHINE`, `$JOBS` are set.',
      ),
  })
  .describe('A static library and how it is built from its source package.');

export const runtimeSchema = z
  .strictObject({
    schema: version,
    description,
    version: z
      .string()
      .regex(/^[0-9]+\.[0-9]+\.[0-9]+$/, 'a full version, such as `50.0.1`')
      .describe('Version of the runtime, and of the wheel that brings it.'),
    wheel: z
      .strictObject({
        project: z
          .string()
          .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'the normalised name of a project')
          .describe('Project in the Python package index that pip is set to use.'),
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/, 'the 64 hexadecimal digits of a SHA-256')
          .describe('Digest of the one wheel that is taken.'),
      })
      .describe('The wheel that the runtime is taken from.'),
    library: z.string().regex(SAFE_PATH, INSIDE).describe('Path of the shared library inside the wheel.'),
    launcher: z
      .string()
      .regex(SAFE_PATH, INSIDE)
      .describe('C source of the program that starts it, relative to this file.'),
  })
  .describe(
    'A runtime for WebAssembly: a library from the Python package index, and the program that starts it.',
  );

export const conformanceSchema = z
  .strictObject({
    schema: version,
    description,
    image: name.describe('Image that holds the tests: name of a folder in `docker/`.'),
    folder: z
      .string()
      .regex(SAFE_PATH, INSIDE)
      .describe('Folder of the package `test` of the standard library in the image.'),
    package: packageName.describe(
      'Package of the image that the tests come from; its version must be that of the reference interpreter.',
    ),
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

export const sysrootSchema = z
  .discriminatedUnion('kind', [packagesSysrootSchema, sourceSysrootSchema])
  .describe('What a program for one target is linked against, and what it is run in.');

export type RecipeFile = z.output<typeof recipeSchema>;
export type ExtendingFile = z.output<typeof extendingSchema>;
export type TargetFile = z.output<typeof targetSchema>;
export type ImageFile = z.output<typeof imageSchema>;
export type RuntimeFile = z.output<typeof runtimeSchema>;
export type SysrootFile = z.output<typeof sysrootSchema>;
export type LibraryFile = z.output<typeof librarySchema>;
export type ConformanceFile = z.output<typeof conformanceSchema>;
