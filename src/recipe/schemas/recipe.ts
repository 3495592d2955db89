import * as z from 'zod';
import { parseCacheAddress } from '../../domain/cache-address.ts';
import type { SystemData } from '../../domain/system-data.ts';
import { description, glibcVersion, name, optimizationFlags, path, seconds, version } from './common.ts';
import { testsSchema } from './tests.ts';

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
  'ignore-rust-version': z
    .boolean()
    .default(false)
    .describe(
      'Whether crates that it depends on, and that ask for a newer Rust than the build has, are compiled all the same (cargo ' +
        '`--ignore-rust-version`). Of the crate itself `rust-version` counts.',
    ),
  env: variables(
    "Further environment of the build. Flags (`RUSTFLAGS`, `CFLAGS_<target>`, …) and `PATH` are joined with the build's own; what no build can do without is rejected.",
  ),
};

/** … of the sample suite … */
const samplesPath = z.union([path, z.array(path).min(1)], { error: 'a path or a list of paths' });

const samplesKeys = {
  timeout: seconds.default(60).describe('Time limit of a sample in seconds, unless its header sets one.'),
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

function fromSystem(what: string) {
  return z
    .enum(['system', 'bundled'])
    .default('system')
    .describe(`${what} [Shipping](shipping.md#what-a-system-brings)`);
}

/** Packages that a recipe adds to a shipped definition. */
const addedPackages = (what: string, example: readonly string[]) =>
  z
    .array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'the name of a Debian package'))
    .min(1)
    .meta({
      description: `${what} \`provision lock\` writes their lock beside this file.`,
      examples: [example],
    });

const wasmRuntime = z.enum(['wasmtime', 'node-wasi']);

/** A file of dependencies of which not only the plain ones are wanted. */
const packagesFile = z.strictObject({
  file: path.describe('Path of a `pyproject.toml`, `uv.lock` or `pylock.toml`, relative to this file.'),
  extras: z
    .array(z.string().min(1))
    .default([])
    .describe('Extras of the project whose dependencies are wanted, too.'),
  groups: z
    .array(z.string().min(1))
    .default([])
    .describe('Dependency groups (PEP 735) that are wanted, too.'),
});

/** Where a program finds what it reads of a system; the bundle's own is for systems that lack it. */
const systemDataKeys = {
  certificates: fromSystem(
    'Trusted certificates of HTTPS and TLS: `bundled` puts those of Mozilla into the bundle. Those of the system count first, ' +
      'wherever its distribution has them, and before them `SSL_CERT_FILE` and `SSL_CERT_DIR`.',
  ),
  zoneinfo: fromSystem(
    'Time zones of `zoneinfo`: `bundled` puts the IANA database into the bundle, as the package `tzdata`. A database of the ' +
      'system counts first, and before it `PYTHONTZPATH`.',
  ),
  'mime-types': fromSystem(
    'Types of `mimetypes`: `bundled` puts a table like `/etc/mime.types` into the bundle, for systems that have none. ' +
      'Without one Python knows about 150 endings.',
  ),
  services: fromSystem(
    'Names of `socket.getservbyname` and `getservbyport`: `bundled` puts a table like `/etc/services` into the bundle, for ' +
      'those that the system does not know.',
  ),
} satisfies Record<SystemData, z.ZodType>;

/** … and of the rest. */
const commonKeys = {
  ...systemDataKeys,
  glibc: glibcVersion.optional().meta({
    description:
      'The oldest glibc that the bundle has to start with, in quotes. A bundle that asks for more is a failure that names ' +
      'files and symbols. Where it is older than what Python from source starts with otherwise, Python, its libraries and the program ' +
      'are linked for that release, if the C library can stand for it (`oldest-release`). Refused where the target has another C library.',
    examples: ['2.31', '2.17'],
  }),
  compare: z
    .enum(['equal', 'measure'])
    .optional()
    .describe(
      'What a sample that differs from the reference is: `equal`, the default, makes it a failure of the run (exit code 7); `measure` makes the ' +
        'difference the result of the run, which then succeeds: it is classified, counted as different everywhere, and listed by ' +
        'cause in `differences.md`. For another implementation of Python ([RustPython](rustpython.md)).',
    ),
  systems: z
    .array(name)
    .refine((names) => new Set(names).size === names.length, 'a list that names each system once')
    .optional()
    .meta({
      description:
        'Systems on which the bundle must run: names of files in `systems/`. Its samples and commands run in the root of the C library that it ' +
        'is linked with, and in the root of each of these. Without it: every system that has the architecture and, where ' +
        'programs use glibc, one no older than that. `[]`: none.',
      examples: [['debian-12', 'debian-13']],
    }),
  host: z
    .boolean()
    .default(true)
    .describe(
      "Whether the bundle is started once on this machine, **outside of any sandbox**, where it is of the target's " +
        'architecture ([security](security.md)). Its outcome is reported; it fails no run.',
    ),
  cache: z
    .string()
    .refine((text) => parseCacheAddress(text, 'cache').ok, 'an address such as `oci://host:5000/team/cache`')
    .optional()
    .meta({
      description:
        'Repository of an OCI registry in which entries of the store are shared with other machines ([a store beyond one machine](shared-store.md)). ' +
        '`PROVISION_CACHE` takes precedence.',
      examples: ['oci://registry.example:5000/team/provision'],
    }),
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
    .describe('Limits of commands; the Docker engine enforces them, `namespace` reports that it does not.'),
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
    .describe('Job of the recipe in GitHub Actions, as `provision matrix` prints it.'),
  optimization: z
    .union([optimizationFlags, z.enum(['none', 'pgo', 'lto', 'pgo+lto'])], {
      error: 'a list of `pgo` and `lto`',
    })
    .optional()
    .meta({
      description:
        'How a CPython built from source is compiled, instead of the setting of its sysroot: `pgo` with profiles of a ' +
        'training workload, `lto` with optimization at link time. The words `none`, `pgo`, `lto` and `pgo+lto` mean the ' +
        'lists `[]`, `[pgo]`, `[lto]` and `[pgo, lto]`.',
      examples: [['pgo', 'lto']],
    }),
  variant: z
    .union([name, z.array(name).length(1)], { error: 'the name of a variant' })
    .optional()
    .meta({
      description:
        'Variant of the interpreter: a name below `variants` in its `python.yaml`, also as a list of one. `jit`: the just-in-time ' +
        'compiler is switched on. Without a version the Python is one that has it; ' +
        '`--python 3.14+jit` names both on the command line.',
      examples: ['jit'],
    }),
  allocator: z
    .enum(['pymalloc', 'malloc', 'mimalloc'])
    .optional()
    .describe(
      "Allocator of Python objects where `PYTHONMALLOC` is not set; without it CPython's default. The " +
        'build sees it as `PROVISION_PYTHON_ALLOCATOR`; the program has to apply it, as the shipped runner does.',
    ),
  rust: z
    .enum(['stable', 'next', 'host'])
    .optional()
    .describe(
      "Which Rust compiles the program: that of the toolchain image (`stable`), that of its successor with the next suite's Rust and " +
        "LLVM (`next`), or your own of rustup, as it is chosen in the project's folder (`host`; `rustup target add` brings the " +
        "target's standard library). Without it the older one of the first two that `rust-version` and `rust-toolchain.toml` of the crate allow.",
    ),
  python: z
    .strictObject({
      implementation: z
        .enum(['CPython', 'RustPython'])
        .optional()
        .meta({
          description:
            'Which implementation the program embeds; without it CPython, through PyO3. RustPython is a crate that the program depends ' +
            'on ([RustPython](rustpython.md)).',
          examples: ['RustPython'],
        }),
      version: z
        .string()
        .regex(/^[0-9]+\.[0-9]+t?$/, 'a version in quotes, such as `"3.13"`')
        .optional()
        .meta({
          description:
            'Version of Python, in quotes: one of the folders in `pythons/`; `--python` on the command line takes another one. ' +
            'Without it the newest that the sysroot has for the target and that the PyO3 in `Cargo.lock` compiles for; one that no ' +
            'released system starts is taken where the crate asks for no less.',
          examples: ['3.13'],
        }),
      from: z
        .enum(['packages', 'source'])
        .optional()
        .describe(
          "Where libpython comes from: the distribution's packages, which are there in seconds and need a new glibc, or its " +
            'source, built on the oldest C library of the target. Without it what starts with the older glibc; of equals the ' +
            'packages.',
        ),
      linkage: z
        .enum(['static', 'dynamic'])
        .optional()
        .describe(
          'How the program is linked with libpython: `static` makes it part of the program, `dynamic` keeps it and the extension ' +
            'modules of the standard library in files of their own. Packages have the dynamic one alone; without it what is ' +
            'built from source is static. Extension modules of packages are loaded by both, on GNU targets. For another target ' +
            'that is named on the command line it holds where that has it, as `from` does.',
        ),
      packages: z
        .union([path, z.array(z.union([z.string().min(1), packagesFile])).min(1)], {
          error: 'a path or a list of requirements',
        })
        .optional()
        .meta({
          description:
            'Packages that the program imports ([Python code](python-code.md)): lines of a requirements file; paths of wheels, ' +
            'source distributions and projects; `requirements.txt`, `pyproject.toml`, `uv.lock` or `pylock.toml`. Paths are ' +
            'relative to this file. What is not locked, `provision lock` locks beside it.',
          examples: [['six==1.17.0 --hash=sha256:…', './vendor/tool-1.0-py3-none-any.whl'], 'pylock.toml'],
        }),
      paths: z
        .array(path)
        .min(1)
        .optional()
        .meta({
          description:
            'Folders of modules of your own that are put into the bundle, compiled, with their data files; also a `.py` file or ' +
            'a `.zip` of modules. Relative to this file.',
          examples: [['python/']],
        }),
    })
    .optional()
    .describe('The Python in the bundle, and what goes beside its standard library.'),
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

const projectSchema = z
  .strictObject({
    path: path.meta({
      description: 'Folder of the crate (where its `Cargo.toml` is), relative to this file.',
      examples: ['../runner'],
    }),
    bin,
    ...projectKeys,
  })
  .describe('The Rust program that embeds Python.');

const samplesSchema = z
  .strictObject({
    path: samplesPath.meta({
      description: 'Scripts, or folders of scripts, to run on the target; relative to this file.',
      examples: ['../runner/samples'],
    }),
    ...samplesKeys,
  })
  .describe('The sample suite.');

/** The point that a recipe names: target, sysroot, toolchain; the rest is derived from the target. */
const pointKeys = {
  target: name.describe('What the program is built for: `name` of a target, or its Rust triple.'),
  toolchain: name.optional().meta({
    description:
      'Image with compiler, linker and emulator: name of a folder in `docker/`. Without it that of the sysroot.',
    examples: ['llvm'],
  }),
  sysroot: name.optional().meta({
    description:
      "How Python and the target's C library are joined: name of a folder in `sysroots/`. Without it the default of the " +
      "target's C library and of where its Python comes from (`python.from`).",
    examples: ['packaged'],
  }),
};

export const recipeSchema = z
  .strictObject({
    schema: version,
    description: description.describe('One sentence; `provision list` prints it.'),
    ...pointKeys,
    project: projectSchema,
    samples: samplesSchema,
    ...commonKeys,
  })
  .describe('A program, the platform it is built for, and the tests that it is run with there.');

/** A recipe in `recipes/`: what it does not state of the program is in `defaults.yaml`. */
export const shippedSchema = z
  .strictObject({
    schema: version,
    description: description.describe('One sentence; `provision list` prints it.'),
    ...pointKeys,
    project: projectSchema.partial().optional(),
    samples: samplesSchema.optional(),
    ...commonKeys,
  })
  .describe(
    'A recipe that differs from the one that each target has by itself; everything else is in `defaults.yaml`.',
  );

export const defaultsSchema = z
  .strictObject({
    schema: version,
    description: description.describe(
      'Description of a recipe that a target has by itself; `{platform}` is the description of the target.',
    ),
    project: projectSchema,
    samples: samplesSchema,
  })
  .describe('Defaults of every shipped recipe: what it builds and runs.');

export const extendingSchema = z
  .strictObject({
    schema: version,
    extends: name.meta({
      description:
        'Shipped recipe (`provision list`) that target, toolchain, sysroot and Python are taken from. ' +
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
        packages: addedPackages(
          "Packages of the target's architecture that the crate links with, beside those of the recipe.",
          ['libssl-dev'],
        ),
      })
      .optional()
      .describe('Additions to the sysroot of the recipe.'),
    toolchain: z
      .strictObject({
        packages: addedPackages(
          "Packages of the building machine's architecture whose programs and libraries build scripts use, beside those of " +
            'the image. What the image has stays as its own lock has it.',
          ['libclang1-19', 'cmake'],
        ),
      })
      .optional()
      .describe('Additions to the toolchain of the recipe.'),
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
    'The recipe of your own crate, `provision.yaml` in its folder: a shipped recipe applied to another program.',
  );

export type RecipeFile = z.output<typeof recipeSchema>;
export type ShippedFile = z.output<typeof shippedSchema>;
export type DefaultsFile = z.output<typeof defaultsSchema>;
export type ExtendingFile = z.output<typeof extendingSchema>;
