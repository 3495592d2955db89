import type { Plan } from '../../domain/plan.ts';
import type { PythonDistribution } from '../../domain/python.ts';
import { quoteWord } from '../../domain/shell.ts';
import { PATHS } from '../../engine/paths.ts';
import { bareVariables } from '../../env/env.ts';
import { pyo3Config } from '../../env/pyo3-config.ts';
import type { Prepared } from '../../pipeline/prepare.ts';
import { runtimeCapabilities, runtimeOf } from '../../runtime/runtime.ts';

/** One step of provisioning, in the order in which they are tried where a blocker does not name its own. */
export interface Step {
  readonly name: StepName;
  readonly title: string;
  /** What it lets go on. */
  readonly phase: 'build' | 'run';
}

export type StepName =
  | 'target-std'
  | 'pyo3'
  | 'linker'
  | 'libc'
  | 'libpython'
  | 'link-libraries'
  | 'emulator'
  | 'rootfs'
  | 'libraries'
  | 'stdlib';

const STEPS: readonly Step[] = [
  { name: 'target-std', title: "Rust's standard library for the target", phase: 'build' },
  { name: 'pyo3', title: 'which Python the target has', phase: 'build' },
  { name: 'linker', title: 'a linker for the target', phase: 'build' },
  { name: 'libc', title: "the target's C library", phase: 'build' },
  { name: 'libpython', title: "the target's libpython", phase: 'build' },
  { name: 'link-libraries', title: 'the libraries that a static libpython needs', phase: 'build' },
  { name: 'emulator', title: 'an emulator or engine', phase: 'run' },
  { name: 'rootfs', title: "a root with the target's C library", phase: 'run' },
  { name: 'libraries', title: 'shared libraries beside the program', phase: 'run' },
  { name: 'stdlib', title: 'the standard library', phase: 'run' },
];

/** The steps that a recipe's target needs. */
export function stepsFor(plan: Plan, python: PythonDistribution): readonly Step[] {
  const { emulated, root } = runtimeCapabilities(plan.runtime);
  const absent: Partial<Record<StepName, boolean>> = {
    'link-libraries': python.link === undefined,
    emulator: !emulated,
    rootfs: root === 'host',
    // Of packages that are linked with, where a loader starts the program.
    libraries: python.linkage === 'static' && plan.target.elf?.interpreter === undefined,
  };
  return STEPS.filter(({ name }) => absent[name] !== true);
}

/** What of a build's environment belongs to which step; the rest is there from the start or not at all. */
function variablesOf(name: StepName, { env }: Prepared, plan: Plan): Readonly<Record<string, string>> {
  const names: Partial<Record<StepName, readonly string[]>> = {
    pyo3: ['PYO3_CROSS', 'PYO3_CROSS_PYTHON_VERSION', 'PYO3_CROSS_PYTHON_IMPLEMENTATION'],
    linker: [`${prefixOf(plan)}_LINKER`],
    libpython: ['PYO3_CONFIG_FILE'],
  };
  return Object.fromEntries(
    (names[name] ?? []).flatMap((key) => {
      const value = env.variables[key];
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

function prefixOf({ target }: Plan): string {
  return `CARGO_TARGET_${target.rustTriple.toUpperCase().replaceAll('-', '_')}`;
}

const LINK_ARGUMENT = '-Clink-arg=';

/** Flags of the compiler that belong to a step: for the compiler itself, and for the linker. */
function flagsOf(
  name: StepName,
  prepared: Prepared,
  plan: Plan,
): { readonly compiler: readonly string[]; readonly linker: readonly string[] } {
  const all = (prepared.env.variables[`${prefixOf(plan)}_RUSTFLAGS`] ?? '').split(' ').filter(Boolean);
  const link = all.filter((flag) => flag.startsWith(LINK_ARGUMENT));
  const home = (flag: string): StepName => (/^-Clinker/.test(flag) ? 'linker' : 'target-std');
  const linkHome = (flag: string): StepName =>
    flag.startsWith(`${LINK_ARGUMENT}--sysroot=`) ? 'libc' : 'linker';
  return {
    compiler: all.filter((flag) => !link.includes(flag) && home(flag) === name),
    linker: link.filter((flag) => linkHome(flag) === name).map((flag) => flag.slice(LINK_ARGUMENT.length)),
  };
}

/** What a build with some steps gets. */
export interface BuildInputs {
  readonly env: Readonly<Record<string, string>>;
  /** PyO3's config file. */
  readonly config: string;
  /** Shell script that is the linker: its arguments may grow without everything being compiled anew. */
  readonly linker?: string;
}

/** Where the build sees that script. */
const LINKER_AT = `${PATHS.env}/linker`;

export function buildInputs(applied: ReadonlySet<StepName>, prepared: Prepared, plan: Plan): BuildInputs {
  const flags = [...applied].map((name) => flagsOf(name, prepared, plan));
  const compiler = flags.flatMap((one) => one.compiler);
  const program = applied.has('linker') ? prepared.env.variables[`${prefixOf(plan)}_LINKER`] : undefined;
  const env = {
    ...bareVariables(plan),
    ...Object.assign({}, ...[...applied].map((name) => variablesOf(name, prepared, plan))),
    ...(compiler.length === 0 ? {} : { [`${prefixOf(plan)}_RUSTFLAGS`]: compiler.join(' ') }),
    ...(program === undefined ? {} : { [`${prefixOf(plan)}_LINKER`]: LINKER_AT }),
  };
  const { link: _, ...alone } = prepared.python;
  const python = applied.has('link-libraries') ? prepared.python : alone;
  const words = flags.flatMap((one) => one.linker).map(quoteWord);
  return {
    env,
    config: pyo3Config(python, PATHS.sysroot),
    ...(program === undefined ? {} : { linker: `#!/bin/sh\nexec ${program} "$@" ${words.join(' ')}\n` }),
  };
}

/** Whether a file of the sysroot is what a step brings. */
export function belongsTo(name: StepName, path: string, python: Pick<PythonDistribution, 'link'>): boolean {
  return stepOfFile(path, python) === name;
}

function stepOfFile(path: string, { link }: Pick<PythonDistribution, 'link'>): StepName {
  if (/^usr\/lib\/rustlib\//.test(path)) return 'target-std';
  if (/(?:^|\/)(?:libpython3[^/]*$|python3\.\d+t?\/)/.test(path)) return 'libpython';
  const library = /(?:^|\/)lib([^/]+)\.a$/.exec(path)?.[1];
  return link?.libraries.some(({ name }) => name === library) === true ? 'link-libraries' : 'libc';
}

/** What a step adds, in the terms of the tools. */
export function additionsOf(name: StepName, prepared: Prepared, plan: Plan): readonly string[] {
  const { python } = prepared;
  const variables = Object.entries(variablesOf(name, prepared, plan)).map(
    ([key, value]) => `${key}=${value}`,
  );
  const { compiler, linker } = flagsOf(name, prepared, plan);
  const files: Readonly<Record<StepName, readonly string[]>> = {
    'target-std': [`rustlib/${plan.target.rustTriple}`],
    pyo3: [],
    linker: [],
    libc: [`headers, start files and libraries of ${plan.target.multiarch}`],
    libpython: [`${python.libDir}/lib${python.libName}.${python.linkage === 'dynamic' ? 'so' : 'a'}`],
    'link-libraries': (python.link?.libraries ?? []).slice(1).map((library) => `-l${library.name}`),
    emulator: [runtimeOf(plan.runtime).emulator(plan.target) ?? plan.runtime],
    rootfs: [plan.target.elf?.interpreter ?? 'libc'],
    libraries: ['lib/*.so* beside the program, found from $ORIGIN'],
    stdlib: [python.stdlib.replace(/^usr\//, '')],
  };
  return [
    ...variables,
    ...(compiler.length === 0 ? [] : [`RUSTFLAGS: ${compiler.join(' ')}`]),
    ...(linker.length === 0 ? [] : [`linker arguments: ${linker.join(' ')}`]),
    ...files[name],
  ];
}
