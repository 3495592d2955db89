import type Docker from 'dockerode';
import type { Command, SandboxSpec } from '../engine.ts';
import { DEFAULT_PATH } from '../paths.ts';
import { sizeOption } from './disk-watch.ts';
import type { Layout } from './layout.ts';
import type { Machine } from './machine.ts';
import { freshName, ownedLabels } from './names.ts';
import { REPORTER } from './reporter.ts';

/** A host name that is the same everywhere, where the caller names none: the engine would take the container's id. */
const DEFAULT_HOSTNAME = 'provision';

/** As on a disk: programs may be run in `/tmp`. */
const FRESH_OPTIONS = 'rw,exec,nosuid,nodev';

/** Variables that name a proxy. */
const PROXY = /^(https?|all)_proxy$/i;

export interface ContainerPlan {
  readonly machine: Machine;
  readonly spec: SandboxSpec;
  readonly layout: Layout;
  readonly image: string;
  /** Path in the sandbox → name of the volume that is there. */
  readonly volumes: ReadonlyMap<string, string>;
  /** A process 1 of the engine's reaps orphans and passes signals on. */
  readonly init: boolean;
  /** What leads out, for commands that may reach the network. */
  readonly network: 'bridge' | 'host';
  /** It is also asked how the program ended (`reporter.ts`). */
  readonly reports: boolean;
}

/** Empty input is none: what has none reads from an empty device. */
export function hasInput({ stdin }: Command): boolean {
  return stdin !== undefined && stdin.length > 0;
}

/** What a container of a sandbox is made of, but for the program. */
export function holdingOptions(plan: ContainerPlan): Docker.ContainerCreateOptions {
  const { machine, image } = plan;
  return {
    name: freshName('hold'),
    Image: image,
    Cmd: ['-'],
    Labels: { ...ownedLabels(machine.storeId, 'hold') },
    HostConfig: { NetworkMode: 'none', Mounts: mountsOf(plan) },
  };
}

/** A container for one command: the user's ids, no capability for what it runs, nothing of the root writable, no network unless asked for. */
export function commandOptions(
  plan: ContainerPlan,
  command: Command,
  terminal: boolean,
): Docker.ContainerCreateOptions {
  const { machine, spec, image } = plan;
  const interactive = command.stdio === 'inherit';
  const input = interactive || hasInput(command);
  const { limits } = spec;
  return {
    name: freshName('run'),
    ...{ Image: image, Entrypoint: [], Env: environment(command, machine) },
    Cmd: [...(plan.reports && !interactive ? REPORTER : []), ...command.argv],
    ...{ WorkingDir: command.cwd, User: `${machine.uid}:${machine.gid}` },
    Hostname: spec.hostname ?? DEFAULT_HOSTNAME,
    ...{ Tty: terminal, OpenStdin: input, StdinOnce: input },
    ...{ AttachStdin: input, AttachStdout: true, AttachStderr: true },
    Labels: { ...ownedLabels(machine.storeId, 'run') },
    HostConfig: {
      // The size it begins with; on engines that do not know this it is set when it runs.
      ...(terminal ? { ConsoleSize: [process.stdout.rows, process.stdout.columns] } : {}),
      Init: plan.init,
      ReadonlyRootfs: true,
      NetworkMode: networkOf(plan, command),
      CapDrop: ['ALL'],
      ...capabilitiesFor(plan),
      SecurityOpt: ['no-new-privileges'],
      // The output is read as it comes; a log beside it would only fill a disk.
      LogConfig: { Type: 'none', Config: {} },
      Ulimits: limitsOf(machine),
      Tmpfs: freshFolders(plan, command),
      Mounts: mountsOf(plan),
      ...(limits?.memory === undefined ? {} : { Memory: limits.memory, MemorySwap: limits.memory }),
      ...(limits?.processors === undefined ? {} : { NanoCpus: Math.round(limits.processors * 1e9) }),
    },
  };
}

function freshFolders({ layout, machine }: ContainerPlan, { maxDisk }: Command): Record<string, string> {
  const { server, uid, gid } = machine;
  // Podman gives such a folder to no user.
  const mine = server.kind === 'podman' ? 'mode=1777' : `uid=${uid},gid=${gid},mode=755`;
  return Object.fromEntries(
    layout.fresh.map(({ at, own }) => [
      at,
      `${FRESH_OPTIONS},${own ? mine : 'mode=1777'}${sizeOption(maxDisk)}`,
    ]),
  );
}

/**
 * Root maps itself into a user namespace with this capability only (user_namespaces(7), since Linux 5.12). The registrar
 * needs it; what it becomes is in that namespace and has lost it.
 */
function capabilitiesFor({ machine, spec }: ContainerPlan): Pick<Docker.HostConfig, 'CapAdd'> {
  return machine.uid === 0 && spec.emulation !== undefined ? { CapAdd: ['SETFCAP'] } : {};
}

/**
 * A crash is known by its signal; the core file would lie in a folder that is copied out. Podman drops the limits that its
 * own configuration sets as soon as one is named here, and then asks for more open files than a machine may grant.
 */
function limitsOf({ server }: Machine): Docker.Ulimit[] {
  return server.kind === 'podman' ? [] : [{ Name: 'core', Soft: 0, Hard: 0 }];
}

function mountsOf({ layout, volumes }: ContainerPlan): Docker.MountSettings[] {
  const filled = new Set(layout.folders.map(({ at }) => at));
  const onlyRead = new Set(layout.writables.filter((one) => one.readOnly === true).map(({ at }) => at));
  return [...volumes].map(([at, name]) => ({
    ...{ Type: 'volume', Source: name, Target: at, ReadOnly: filled.has(at) || onlyRead.has(at) },
    // What is filled is not to be filled by the engine; what is written to takes its owner from the mount point.
    ...(filled.has(at)
      ? { VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: '', Options: {} } } }
      : {}),
  })) as Docker.MountSettings[];
}

/** The whole environment: what the engine would add is set or taken away. */
function environment({ env }: Command, { server }: Machine): string[] {
  const pairs = Object.entries({ PATH: DEFAULT_PATH, ...env }).map(([name, value]) => `${name}=${value}`);
  // A name without a value removes what Docker sets; Podman takes the value from the engine's own environment instead.
  return server.kind === 'docker' && env.HOSTNAME === undefined ? [...pairs, 'HOSTNAME'] : pairs;
}

/** A proxy on this machine's loopback is not seen from a network of the container's own. */
function networkOf({ spec, network }: ContainerPlan, { env }: Command): string {
  if (spec.network === 'none') return 'none';
  const proxies = Object.entries(env).filter(([name]) => PROXY.test(name));
  return proxies.some(([, address]) => onLoopback(address)) ? 'host' : network;
}

function onLoopback(address: string): boolean {
  const url = address.includes('://') ? address : `http://${address}`;
  return URL.canParse(url) && /^(localhost|127\.[\d.]+|\[::1\])$/.test(new URL(url).hostname);
}
