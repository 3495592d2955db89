import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { hostname, release } from 'node:os';
import { join } from 'node:path';
import { distribution } from '../distro/distribution.ts';
import { withoutLogin } from '../domain/address.ts';
import type { Context } from '../domain/context.ts';
import { ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import { type Finding, surveyEngines } from '../engine/docker/discovery.ts';
import type { Engine } from '../engine/engine.ts';
import { probeNamespaceEngine } from '../engine/namespace/namespace.ts';
import { TOOL_ENV } from '../engine/tool-env.ts';
import { machineName } from '../exec/machine.ts';
import type { Failure } from '../failure.ts';
import { openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { checkStartedPrograms } from './started-programs.ts';
import { beside } from './table.ts';

export const command: Command = {
  name: 'doctor',
  summary: 'show what this machine offers, and what to do about what it lacks',
  positionals: [],
  options: {},
  examples: ['provision doctor', 'provision doctor --json', 'provision doctor --engine docker:ssh://me@host'],
  renders: false,
  run,
};

/** Programs of the machine that are started. */
const PROGRAMS = ['xz', 'flock', 'unshare', 'nsenter', 'setpriv', 'mount'];

/** A recipe's trees, build and images together stay below this. */
const ENOUGH_BYTES = 5e9;

type State = 'ok' | 'none' | 'lack';

/** One line of what was looked at. */
interface Check {
  readonly topic:
    | 'engine'
    | 'programs that programs of other machines start'
    | 'disk'
    | 'network'
    | 'programs';
  readonly name: string;
  /** `none`: not there, and nothing is missing for it. */
  readonly state: State;
  readonly detail: string;
  readonly fix: readonly string[];
}

async function run({ context, columns }: Invocation): Promise<Result<Outcome>> {
  const store = await openStore(context.settings.store);
  const [docker, probed] = await Promise.all([surveyEngines(context), probeNamespace(context, store)]);
  const checks: readonly Check[] = [
    ...docker.map(checkFinding),
    checkNamespace(probed),
    ...(await checkEmulation(context, store, probed, docker)),
    ...(await checkDisks(context, docker)),
    ...checkNetwork(context),
    ...checkPrograms(),
  ];
  const works = checks.some(({ topic, state }) => topic === 'engine' && state === 'ok');
  const servers = docker.flatMap((one) =>
    one.state === 'works' ? [{ strategy: one.strategy, ...one.server }] : [],
  );
  return ok({
    text: format(checks, columns),
    json: { machine: machineName(), kernel: release(), works, checks, servers },
    // Without a store the engine itself may well work.
    ...(works ? {} : { failure: store.ok ? noEngine(checks) : store.error }),
  });
}

function checkFinding(finding: Finding): Check {
  const base = { topic: 'engine', name: finding.strategy } as const;
  switch (finding.state) {
    case 'not-applicable':
      return { ...base, state: 'none', detail: finding.why, fix: [] };
    case 'failed':
      return { ...base, state: 'lack', ...describe(finding.failure) };
    case 'works': {
      const { kind, version, api, storageDriver, rootless, processors, memory, warnings } = finding.server;
      const product = `${kind === 'podman' ? 'Podman' : 'Docker'} ${version} (API ${api})`;
      const size = `${processors} processors, ${formatBytes(memory)} of memory`;
      const parts = [
        product,
        `storage ${storageDriver}`,
        ...(rootless ? ['rootless'] : []),
        size,
        finding.address,
        ...warnings,
      ];
      return { ...base, state: 'ok', detail: parts.join('; '), fix: [] };
    }
  }
}

/** Makes one sandbox: the only way to know what the kernel grants. */
async function probeNamespace(context: Context, store: Result<Store>): Promise<Result<Engine>> {
  if (!store.ok) return store;
  const deps = {
    volume: (name: string) => store.value.volume(name),
    scratch: join(store.value.folder, 'tmp'),
  };
  const engine = await probeNamespaceEngine(context, deps);
  await store.value.settled();
  return engine;
}

function checkNamespace(engine: Result<Engine>): Check {
  const base = { topic: 'engine', name: 'namespace (user namespaces)' } as const;
  if (!engine.ok) return { ...base, state: 'lack', ...describe(engine.error) };
  const { version, detail } = engine.value.info;
  return { ...base, state: 'ok', detail: `${version}; ${detail}`, fix: [] };
}

/** In each kind of engine that works, of Docker's the one that a run would take. */
async function checkEmulation(
  context: Context,
  store: Result<Store>,
  namespace: Result<Engine>,
  docker: readonly Finding[],
): Promise<readonly Check[]> {
  const checks = namespace.ok ? [await checkStarted(context, 'namespace', namespace.value)] : [];
  if (!store.ok || !docker.some(({ state }) => state === 'works')) return checks;
  const { probeDockerEngine } = await import('../engine/docker/docker.ts');
  const engine = await probeDockerEngine(context, { store: store.value });
  // Why not is said of the engine itself.
  if (!engine.ok) return checks;
  const check = await checkStarted(context, 'docker', engine.value);
  await engine.value.close?.();
  return [...checks, check];
}

async function checkStarted(context: Context, name: string, engine: Engine): Promise<Check> {
  const base = { topic: 'programs that programs of other machines start', name } as const;
  const found = await checkStartedPrograms(context, engine);
  if (!found.ok) return { ...base, state: 'lack', ...describe(found.error) };
  const { works, detail, fix } = found.value;
  return { ...base, state: works ? 'ok' : 'lack', detail, fix };
}

async function checkDisks({ settings }: Context, docker: readonly Finding[]): Promise<readonly Check[]> {
  const checks = [
    await checkDisk('store', settings.store, 'Free space there, or choose another disk: `--store <folder>`.'),
  ];
  for (const finding of docker) {
    if (finding.state !== 'works') continue;
    const { root, host } = finding.server;
    const name = `data of ${finding.strategy}`;
    // The path is of the engine's machine; here it is looked at only where that is this one.
    const here = host === hostname() && root !== '' && existsSync(root);
    const elsewhere = `${root || 'unknown'} on ${host || 'another machine'}: see \`docker system df\` there`;
    checks.push(
      here
        ? await checkDisk(name, root, '`docker system prune` removes what no container uses.')
        : { topic: 'disk', name, state: 'none', detail: elsewhere, fix: [] },
    );
  }
  return checks;
}

async function checkDisk(name: string, folder: string, fix: string): Promise<Check> {
  const free = await freeBytes(folder);
  if (free === undefined)
    return { topic: 'disk', name, state: 'none', detail: `${folder} cannot be looked at`, fix: [] };
  const enough = free >= ENOUGH_BYTES;
  const detail = `${formatBytes(free)} free at ${folder}`;
  return { topic: 'disk', name, state: enough ? 'ok' : 'lack', detail, fix: enough ? [] : [fix] };
}

async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    // Another person's folder: what is free in it is not ours to know.
    return undefined;
  }
}

function checkNetwork({ settings }: Context): readonly Check[] {
  const proxies = Object.entries(settings.proxies).map(
    ([name, address]) => `${name}=${withoutLogin(address)}`,
  );
  const { caBundle } = settings;
  return [
    {
      topic: 'network',
      name: 'proxies',
      state: proxies.length > 0 ? 'ok' : 'none',
      detail: proxies.join(', ') || 'none set',
      fix: [],
    },
    caBundle === undefined
      ? {
          topic: 'network',
          name: 'CA bundle',
          state: 'lack',
          detail: 'none found: downloads over TLS inside the sandbox will fail',
          fix: ['Install `ca-certificates`, or let `SSL_CERT_FILE` name a PEM file.'],
        }
      : { topic: 'network', name: 'CA bundle', state: 'ok', detail: caBundle, fix: [] },
  ];
}

function checkPrograms(): readonly Check[] {
  const folders = (TOOL_ENV.PATH ?? '').split(':');
  const programs = PROGRAMS.map((name): Check => {
    const path = folders.map((folder) => join(folder, name)).find((one) => existsSync(one));
    if (path !== undefined) return { topic: 'programs', name, state: 'ok', detail: path, fix: [] };
    return {
      topic: 'programs',
      name,
      state: 'lack',
      detail: 'not found',
      fix: [`Install it: the package \`${distribution.advice.packageOf(name) ?? name}\`.`],
    };
  });
  return [{ topic: 'programs', name: 'node', state: 'ok', detail: process.version, fix: [] }, ...programs];
}

function describe({ code, what, why, fix, evidence = [] }: Failure): Pick<Check, 'detail' | 'fix'> {
  return { detail: [what, why, ...evidence.slice(0, 3), `[${code}]`].filter(Boolean).join(' '), fix };
}

const MARKS: Readonly<Record<State, string>> = { ok: 'ok  ', none: '-   ', lack: 'lack' };

function format(checks: readonly Check[], columns: number | undefined): string {
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks
    .flatMap(({ topic, name, state, detail, fix }, index) => [
      ...(checks[index - 1]?.topic === topic ? [] : [`${index === 0 ? '' : '\n'}${topic}:\n`]),
      beside(`  ${MARKS[state]}  ${name.padEnd(width)}  `, detail, columns),
      ...fix.map((line) => beside('        → ', line, columns)),
    ])
    .join('');
}

function noEngine(checks: readonly Check[]): Failure {
  const tried = checks.filter(({ topic, state }) => topic === 'engine' && state === 'lack');
  return {
    code: 'engine/none-works',
    what: 'No engine works on this machine: nothing can be built or run.',
    fix: tried.flatMap(({ fix }) => fix).slice(0, 6),
  };
}
