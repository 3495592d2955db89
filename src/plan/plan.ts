import { defined } from '../domain/defined.ts';
import {
  isShared,
  type Recipe,
  type Resolved,
  type RustStd,
  type SysrootDefinition,
} from '../domain/definitions.ts';
import type { RuntimeKind } from '../domain/ids.ts';
import type { TreeDefinition } from '../domain/packages.ts';
import type { Plan, PlannedStage } from '../domain/plan.ts';
import type { Target } from '../domain/target.ts';
import { referenceProgram } from '../runtime/reference.ts';
import { chooseRuntime, runtimeOf, startsOnHost } from '../runtime/runtime.ts';

export { formatPlan } from './format.ts';

/** The machine that provision runs on: `uname -m`, and Node's name of the operating system. */
export interface Host {
  readonly machine: string;
  readonly platform: string;
}

/** What a run of the recipe will do on this host. Pure: no input or output. */
export function makePlan(resolved: Resolved, host: Host): Plan {
  const runtime = chooseRuntime(resolved, host.machine);
  return { ...resolved, runtime, stages: stagesOf(resolved, runtime, host.platform) };
}

function stagesOf(resolved: Resolved, runtime: RuntimeKind, platform: string): readonly PlannedStage[] {
  const stages = [...obtaining(resolved), ...compiling(resolved)];
  const { crate } = resolved;
  return crate.testsOnly === true
    ? [...stages, ...testing(resolved, runtime)]
    : [...stages, ...making(resolved), ...proving(resolved, runtime, platform)];
}

/** From locks to trees. */
function obtaining({
  toolchain,
  tools,
  sysroot,
  interpreter,
  reference,
  rustStd,
  files,
  systems,
  systemData,
}: Resolved): readonly PlannedStage[] {
  const added = tools?.packages ?? [];
  const further = interpreter === reference ? [] : [interpreter];
  const image = { ...toolchain.rootfs, packages: [...new Set([...toolchain.rootfs.packages, ...added])] };
  return [
    {
      stage: 'lock',
      does: 'Read the exact package files of every definition from its lock.',
      inputs: {
        locks: [
          files.toolchain,
          ...(tools === undefined ? [] : [tools.file]),
          ...new Set([files.interpreter, files.reference]),
          files.sysroot,
          ...(systemData === undefined ? [] : [systemData.file]),
          ...systems.flatMap(({ file }) => file ?? []),
        ].map(({ lockPath }) => lockPath),
        suites: [
          ...new Set([
            ...[toolchain.suite, sysroot.suite, sysroot.sysroot.suite ?? sysroot.suite, reference.suite],
            ...(systemData === undefined ? [] : [systemData.definition.suite]),
            ...systems.flatMap(({ definition: { suite } }) => (suite === '' ? [] : [suite])),
          ]),
        ],
      },
    },
    {
      stage: 'fetch',
      does: 'Fetch the locked files that the store does not have; check the SHA-256 of each.',
      inputs: {
        'named-packages': requested([
          image,
          sysroot.sysroot,
          ...(rustStd.from === 'packages' ? [rustStd.tree] : []),
          sysroot.rootfs,
          ...[...further, reference].map(({ rootfs }) => rootfs),
          ...(systemData === undefined ? [] : [systemData.definition.rootfs]),
          ...systems.map(({ definition }) => definition.rootfs),
        ]),
      },
    },
    tree(
      'toolchain',
      `Unpack the toolchain image \`${toolchain.name}\`${added.length === 0 ? '' : ', and what the recipe adds'}.`,
      image,
    ),
    tree('sysroot', `Unpack the link-time tree of \`${sysroot.name}\`.`, {
      ...sysroot.sysroot,
      packages: [...sysroot.sysroot.packages, ...(rustStd.from === 'packages' ? rustStd.tree.packages : [])],
    }),
    ...further.map(({ name, rootfs }) =>
      tree(
        'reference',
        `Unpack \`${name}\`, the interpreter of this machine: it runs pip and compiles.`,
        rootfs,
      ),
    ),
    tree('reference', `Unpack \`${reference.name}\`, the reference interpreter.`, reference.rootfs),
    tree('rootfs', 'Unpack the run-time tree: libc, and nothing of Python.', sysroot.rootfs),
    ...(systemData === undefined
      ? []
      : [tree('data', 'Unpack the data of a system that the bundle brings.', systemData.definition.rootfs)]),
    ...systems.map(({ definition: { name, rootfs } }) =>
      tree('rootfs', `Unpack the root of the system \`${name}\`.`, rootfs),
    ),
  ];
}

/** From sources to a libpython, where the sysroot does not take it from a package. */
function compiling({ sysroot, target, rustStd }: Resolved): readonly PlannedStage[] {
  return [...buildingPython(sysroot), ...buildingStd(rustStd, target)];
}

function buildingPython({ source, without }: SysrootDefinition): readonly PlannedStage[] {
  if (source === undefined) return [];
  const { libraries, cpython } = source;
  return [
    ...(libraries.length === 0
      ? []
      : [
          {
            stage: 'libraries',
            does: 'Build the static libraries from their sources, side by side, with no network.',
            inputs: { libraries: libraries.map(({ name }) => name) },
          },
        ]),
    {
      stage: 'cpython',
      does: `Build CPython from its source, ${isShared(cpython) ? 'shared' : 'static'}, with no network.`,
      inputs: {
        source: cpython.source,
        patches: cpython.patches.length + cpython.ownPatches.length,
        configure: cpython.configure,
        optimization: cpython.optimization,
        without: Object.keys(without),
      },
    },
  ];
}

function buildingStd({ from }: RustStd, { rustTriple }: Target): readonly PlannedStage[] {
  if (from === 'packages') return [];
  return [
    {
      stage: 'rust-std',
      does: 'Build the Rust standard library of the target from its source.',
      inputs: { target: rustTriple },
    },
  ];
}

/** From trees to a bundle. */
function making({ recipe, target, sysroot }: Resolved): readonly PlannedStage[] {
  const { project } = recipe;
  return [
    environment({ recipe, target, sysroot }),
    {
      stage: 'build',
      does: 'Fetch the locked crates, then build with no network.',
      inputs: {
        project: project.folder,
        bin: project.bin,
        profile: project.profile,
        features: project.features,
        'default-features': project.defaultFeatures,
        ...defined({ rust: recipe.rust }),
      },
    },
    ...addingPython(recipe),
    {
      stage: 'bundle',
      does:
        sysroot.python.implementation === 'CPython'
          ? 'Pack the program, libpython, the stdlib (compiled) and the libraries they need.'
          : 'Pack the program, which has its stdlib inside, and the libraries that it needs.',
      inputs: {
        archive: `artifacts/${recipe.name}/${project.bin}-${target.rustTriple}.tar.gz`,
        brings: recipe.brings ?? [],
      },
    },
  ];
}

function environment({
  recipe,
  target,
  sysroot,
}: Pick<Resolved, 'recipe' | 'target' | 'sysroot'>): PlannedStage {
  return {
    stage: 'env',
    does:
      sysroot.python.implementation === 'CPython'
        ? "Derive the build's environment and PyO3's config file from the sysroot."
        : "Derive the build's environment from the sysroot.",
    inputs: {
      target: target.rustTriple,
      python: `${sysroot.python.implementation} ${sysroot.python.version}${sysroot.python.abiflags}`,
      set: Object.keys(recipe.project.env),
    },
  };
}

/** Of a library: its tests, and nothing that a program would need. */
function testing(resolved: Resolved, runtime: RuntimeKind): readonly PlannedStage[] {
  const { recipe, crate } = resolved;
  const skipped = `Skipped: ${crate.name} is a library.`;
  return [
    environment(resolved),
    ...addingPython(recipe),
    ...['build', 'bundle', 'run'].map((stage) => ({ stage, does: skipped, inputs: {} })),
    cargoTests(resolved, runtime),
    reporting(recipe),
  ];
}

function cargoTests({ recipe, target }: Resolved, runtime: RuntimeKind): PlannedStage {
  const launcher = runtimeOf(runtime).launcher(target);
  return {
    stage: 'cargo-test',
    does: 'Fetch the locked crates, then build the tests of the crate with no network and run them.',
    inputs: {
      project: recipe.project.folder,
      profile: recipe.project.profile,
      features: recipe.project.features,
      'default-features': recipe.project.defaultFeatures,
      args: recipe.tests?.cargo?.args ?? [],
      runtime,
      ...(launcher.length === 0 ? {} : { emulator: launcher.join(' ') }),
    },
  };
}

function reporting(recipe: Recipe): PlannedStage {
  return {
    stage: 'report',
    does: 'Write the report, for users and as JSON.',
    inputs: {
      files: ['report.json', 'junit.xml', 'logs/'].map((name) => `artifacts/${recipe.name}/${name}`),
    },
  };
}

/** Packages and modules beside the standard library. */
function addingPython({ pythonPackages = [], pythonPaths = [] }: Recipe): readonly PlannedStage[] {
  if (pythonPackages.length + pythonPaths.length === 0) return [];
  return [
    {
      stage: 'packages',
      does: 'Install Python packages from locked wheels and compile modules, for the target and for the reference.',
      inputs: {
        ...(pythonPackages.length === 0 ? {} : { requirements: pythonPackages.map(({ text }) => text) }),
        ...(pythonPaths.length === 0 ? {} : { paths: pythonPaths.map(({ path }) => path) }),
      },
    },
  ];
}

/** From the bundle to the report. */
function proving(resolved: Resolved, runtime: RuntimeKind, platform: string): readonly PlannedStage[] {
  const { recipe, target, reference, sysroot, system, systems } = resolved;
  const launcher = runtimeOf(runtime).launcher(target);
  const { paths, timeoutSeconds } = recipe.samples;
  const commands = recipe.tests?.commands ?? [];
  const places = {
    systems: [
      ...(system === undefined ? [] : [system.name]),
      ...systems.map(({ definition }) => definition.name),
    ],
    reference: referenceProgram({ reference, sysroot }),
    runtime,
    ...(launcher.length === 0 ? {} : { emulator: launcher.join(' ') }),
  };
  return [
    paths.length === 0
      ? { stage: 'run', does: 'No samples: the recipe names none.', inputs: places }
      : {
          stage: 'run',
          does: 'Run every sample from the unpacked bundle; compare each byte with the reference.',
          inputs: { samples: paths, 'timeout-seconds': timeoutSeconds, ...places },
        },
    ...(commands.length === 0
      ? []
      : [
          {
            stage: 'commands',
            does: 'Run the program of the unpacked bundle with the arguments of each command, and check what it prints.',
            inputs: { commands: commands.map(({ name }) => name), ...places },
          },
        ]),
    ...(recipe.tests?.cargo === undefined ? [] : [cargoTests(resolved, runtime)]),
    ...(recipe.host === false || !startsOnHost(runtime, platform)
      ? []
      : [
          {
            stage: 'host',
            does: 'Start the bundle once on this machine, outside of any sandbox.',
            inputs: {},
          },
        ]),
    reporting(recipe),
  ];
}

function tree(stage: string, does: string, definition: TreeDefinition): PlannedStage {
  const { architecture, packages, glibcRelease } = definition;
  const older = glibcRelease === undefined ? {} : { 'as glibc': glibcRelease };
  return { stage, does, inputs: { architecture, packages, ...older } };
}

/** Packages asked for by name, over all trees; what they depend on is in the locks. */
function requested(trees: readonly TreeDefinition[]): number {
  return new Set(
    trees.flatMap(({ architecture, packages }) => packages.map((name) => `${name}:${architecture}`)),
  ).size;
}
