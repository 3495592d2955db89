import type { Command, OptionSpec } from './command.ts';

/** The module of every command; loaded on demand. */
const LOADERS: Readonly<Record<string, () => Promise<{ readonly command: Command }>>> = {
  run: () => import('./run.ts'),
  init: () => import('./init.ts'),
  plan: () => import('./plan.ts'),
  env: () => import('./env.ts'),
  lock: () => import('./lock.ts'),
  profile: () => import('./profile.ts'),
  list: () => import('./list.ts'),
  shell: () => import('./shell.ts'),
  exec: () => import('./exec.ts'),
  inspect: () => import('./inspect.ts'),
  sbom: () => import('./sbom.ts'),
  verify: () => import('./verify.ts'),
  outdated: () => import('./outdated.ts'),
  upgrade: () => import('./upgrade.ts'),
  clean: () => import('./clean.ts'),
  store: () => import('./store.ts'),
  cache: () => import('./cache.ts'),
  image: () => import('./image.ts'),
  probe: () => import('./probe.ts'),
  doctor: () => import('./doctor.ts'),
  report: () => import('./report.ts'),
  conformance: () => import('./conformance.ts'),
  matrix: () => import('./matrix.ts'),
  summary: () => import('./summary.ts'),
  bench: () => import('./bench.ts'),
  advise: () => import('./advise.ts'),
  completion: () => import('./completion.ts'),
};

export const COMMAND_NAMES: readonly string[] = Object.keys(LOADERS);

export async function loadCommand(name: string): Promise<Command | undefined> {
  return Object.hasOwn(LOADERS, name) ? (await LOADERS[name]?.())?.command : undefined;
}

export async function loadAllCommands(): Promise<readonly Command[]> {
  return Promise.all(Object.values(LOADERS).map(async (load) => (await load()).command));
}

/** Options that every command takes. */
export const GLOBAL_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  quiet: { type: 'boolean', short: 'q', help: 'print failures and the summary line only' },
  json: { type: 'boolean', help: 'print the result as JSON on standard output' },
  offline: { type: 'boolean', help: 'no network: everything must be in the store' },
  frozen: { type: 'boolean', help: 'never write a lock: a missing package is an error' },
  project: {
    type: 'string',
    value: '<folder>',
    help: 'folder of your crate, with or without provision.yaml',
  },
  bin: { type: 'string', value: '<name>', help: 'the program of your crate, if it has several' },
  python: {
    type: 'string',
    value: '<version>',
    help: 'another version of Python, such as 3.14',
  },
  jobs: { type: 'string', short: 'j', value: '<n>', help: 'parallel jobs (default: processors)' },
  store: {
    type: 'string',
    value: '<folder>',
    help: 'store folder ($PROVISION_STORE, else the cache)',
  },
  engine: {
    type: 'string',
    value: '<name>',
    help: 'auto, namespace, docker[:<host>] ($PROVISION_ENGINE)',
  },
  'push-cache': {
    type: 'boolean',
    help: 'push what was used to $PROVISION_CACHE',
  },
  verbose: { type: 'boolean', help: 'print the output of every tool' },
  help: { type: 'boolean', short: 'h', help: 'print this help' },
};
