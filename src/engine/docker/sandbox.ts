import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { err, ok, type Result } from '../../domain/result.ts';
import { type Failure, interrupted } from '../../failure.ts';
import type { Command, Exit, Sandbox, SandboxSpec } from '../engine.ts';
import { noWorkingFolder } from '../failures.ts';
import { isWithin } from '../paths.ts';
import { formatAddress } from './address.ts';
import { type Afterwards, withTimeout } from './afterwards.ts';
import { type ContainerPlan, commandOptions, holdingOptions } from './container.ts';
import { copyOut } from './copy-out.ts';
import { vanished } from './failures.ts';
import type { RootfsImages } from './images.ts';
import { type Layout, makeLayout } from './layout.ts';
import type { Machine } from './machine.ts';
import { freshName, LABELS, ownedLabels, shortHash } from './names.ts';
import { attempt, hasStatus } from './problem.ts';
import { runCaptured } from './run.ts';
import type { SandboxImages } from './sandbox-images.ts';
import { haveTerminal, runInteractive } from './terminal.ts';
import type { FilledVolume, FilledVolumes } from './volumes.ts';

/** What an engine has made so far and uses again. */
export interface EngineCache {
  readonly rootfs: RootfsImages;
  readonly sandboxes: SandboxImages;
  readonly volumes: FilledVolumes;
  readonly afterwards: Afterwards;
  /** Whether the engine has a process 1 for containers; found out by the first that lacks it. */
  init: boolean;
  /** What leads out of a container here; found out when it is first needed. */
  network?: 'bridge' | 'host';
}

/** What is ready in the engine for the containers of a sandbox. */
interface PreparedSandbox {
  readonly image: string;
  readonly filled: readonly (FilledVolume & { readonly at: string })[];
}

/** Times that something may vanish from the engine between being looked for and being used. */
const MOST_TRIES = 3;

/** Opens a sandbox: its image and volumes are there when this resolves; containers are made for each command. */
export async function openSandbox(
  machine: Machine,
  cache: EngineCache,
  spec: SandboxSpec,
): Promise<Result<Sandbox>> {
  if (machine.context.signal.aborted) return err(interrupted());
  const layout = makeLayout(spec, machine.uid, machine.gid);
  if (!layout.ok) return layout;
  const prepared = await prepareSandbox(machine, cache, spec, layout.value);
  if (!prepared.ok) return prepared;
  const writables = await makeWritables(machine, layout.value);
  if (!writables.ok) return writables;
  return ok(new DockerSandbox(machine, cache, spec, layout.value, prepared.value, writables.value));
}

async function prepareSandbox(
  machine: Machine,
  cache: EngineCache,
  spec: SandboxSpec,
  layout: Layout,
): Promise<Result<PreparedSandbox>> {
  const base = await cache.rootfs.ensure(spec.rootfs);
  if (!base.ok) return base;
  // At once: each is a few calls that the engine takes its time for. All are awaited, as what one leaves is found by the others.
  const [image, ...volumes] = await Promise.all([
    cache.sandboxes.ensure(base.value, layout.parts, spec.again),
    ...layout.folders.map((folder) => cache.volumes.ensure(folder, base.value.id)),
  ]);
  if (!image.ok) return image;
  const filled: (FilledVolume & { at: string })[] = [];
  for (const [index, volume] of volumes.entries()) {
    if (!volume.ok) return volume;
    filled.push({ ...volume.value, at: layout.folders[index]?.at ?? '' });
  }
  return machine.context.signal.aborted ? err(interrupted()) : ok({ image: image.value, filled });
}

/** Path in the sandbox → volume. The store's own folder of that name stands for the volume: it says when it was last used. */
async function makeWritables(machine: Machine, layout: Layout): Promise<Result<ReadonlyMap<string, string>>> {
  const { store, storeId, uid, gid, api, address } = machine;
  const names = new Map<string, string>();
  const refused = async (failure: Failure): Promise<Result<never>> => {
    // What cannot be removed now is swept at the next start.
    await withTimeout(() => removeScratch(machine, layout, names));
    return err(failure);
  };
  for (const { at, volume } of layout.writables) {
    if (volume !== undefined) {
      const marked = await store.volume(volume);
      if (!marked.ok) return refused(marked.error);
    }
    const labels =
      volume === undefined
        ? ownedLabels(storeId, 'scratch')
        : { [LABELS.store]: storeId, [LABELS.kind]: 'volume', [LABELS.volume]: volume };
    // What another user wrote belongs to that user.
    const name =
      volume === undefined
        ? freshName('scratch')
        : `provision-volume-${shortHash([storeId, volume, `${uid}:${gid}`])}`;
    const made = await attempt(address, 'making a volume', async () =>
      ok(await api.volumes.create(name, labels)),
    );
    if (!made.ok) return refused(made.error);
    names.set(at, name);
  }
  return ok(names);
}

/** Removes the volumes that go with a sandbox. */
async function removeScratch(
  { api }: Machine,
  { writables }: Layout,
  names: ReadonlyMap<string, string>,
): Promise<void> {
  for (const { at, volume } of writables) {
    const name = names.get(at);
    if (volume === undefined && name !== undefined) await api.volumes.remove(name);
  }
}

class DockerSandbox implements Sandbox {
  readonly #machine: Machine;
  readonly #cache: EngineCache;
  readonly #spec: SandboxSpec;
  readonly #layout: Layout;
  readonly #writables: ReadonlyMap<string, string>;
  /** Ends what runs when the sandbox is closed. */
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #prepared: PreparedSandbox;
  /** A container that has run, or never does: through it files are taken out. */
  #holder: Promise<string> | undefined;

  constructor(
    machine: Machine,
    cache: EngineCache,
    spec: SandboxSpec,
    layout: Layout,
    prepared: PreparedSandbox,
    writables: ReadonlyMap<string, string>,
  ) {
    this.#machine = machine;
    this.#cache = cache;
    this.#spec = spec;
    this.#layout = layout;
    this.#prepared = prepared;
    this.#writables = writables;
  }

  async run(command: Command): Promise<Result<Exit>> {
    if (!this.#hasFolder(command.cwd)) return err(noWorkingFolder(command.cwd));
    const signal = AbortSignal.any([this.#machine.context.signal, this.#closing.signal]);
    if (signal.aborted) return err(interrupted());
    const running = attempt(this.#machine.address, 'running a command', () => this.#run(command, signal));
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async copyOut(from: string, to: string): Promise<Result<void>> {
    const machine = this.#machine;
    const mounts = [...this.#writables.keys()];
    return attempt(machine.address, 'copying files out', async () => {
      return copyOut(machine, { container: await this.#hold(), mounts, from, to });
    });
  }

  /** A container with the folders. One that has run may be gone: people remove what has ended. */
  #hold(): Promise<string> {
    const { containers } = this.#machine.api;
    const before = this.#holder?.catch(() => undefined);
    const look = async (): Promise<string> => {
      const held = await before;
      return held !== undefined && (await containers.exists(held))
        ? held
        : await containers.create(holdingOptions(this.#plan()));
    };
    this.#holder = look();
    return this.#holder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running);
    const { api } = this.#machine;
    const holder = await this.#holder?.catch(() => undefined);
    // What cannot be removed now is swept at the next start.
    await withTimeout(async () => {
      await this.#cache.afterwards.settle();
      if (holder !== undefined) await api.containers.remove(holder);
      await removeScratch(this.#machine, this.#layout, this.#writables);
    });
  }

  async #run(command: Command, signal: AbortSignal): Promise<Result<Exit>> {
    const { api } = this.#machine;
    const terminal = command.stdio === 'inherit' && haveTerminal();
    if (this.#spec.network === 'host') {
      // An engine may be set up without a network of its own for containers; then they share that of its machine.
      this.#cache.network ??= (await api.networks.hasBridge()) ? 'bridge' : 'host';
    }
    const created = await this.#create((plan) => commandOptions(plan, command, terminal));
    if (!created.ok) return created;
    const container = created.value;
    const { reports } = this.#plan();
    const memory = this.#spec.limits?.memory;
    const run = { machine: this.#machine, command, container, reports, memory, signal };
    try {
      if (signal.aborted) return err(interrupted());
      return command.stdio === 'inherit' ? await runInteractive(run, terminal) : await runCaptured(run);
    } catch (cause) {
      if (this.#cache.init && lacksInit(cause)) this.#cache.init = false;
      else if (this.#cache.network === 'bridge' && lacksNetwork(cause)) this.#cache.network = 'host';
      else throw cause;
      return await this.#run(command, signal);
    } finally {
      await this.#leave(container);
    }
  }

  /** Keeps the first container that has run, for what is copied out; removes others. */
  async #leave(container: string): Promise<void> {
    if (this.#holder === undefined) this.#holder = Promise.resolve(container);
    else await withTimeout(() => this.#machine.api.containers.remove(container));
  }

  /** Makes a container of what is prepared; prepares again when something of it is gone meanwhile. */
  async #create(options: (plan: ContainerPlan) => Docker.ContainerCreateOptions): Promise<Result<string>> {
    const { api, address } = this.#machine;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const container = await this.#tryCreate(options);
      if (container !== undefined && (await this.#isWhole())) return ok(container);
      if (container !== undefined) await api.containers.remove(container);
      this.#cache.rootfs.forget(this.#spec.rootfs);
      this.#cache.sandboxes.forget();
      this.#cache.volumes.forget();
      const prepared = await prepareSandbox(this.#machine, this.#cache, this.#spec, this.#layout);
      if (!prepared.ok) return prepared;
      this.#prepared = prepared.value;
    }
    return err(vanished(formatAddress(address), 'An image or volume'));
  }

  /** Undefined when the image is gone. */
  async #tryCreate(
    options: (plan: ContainerPlan) => Docker.ContainerCreateOptions,
  ): Promise<string | undefined> {
    const { api } = this.#machine;
    try {
      return await api.containers.create(options(this.#plan()));
    } catch (cause) {
      if (hasStatus(cause, 404)) return undefined;
      if (!this.#cache.init || !lacksInit(cause)) throw cause;
      this.#cache.init = false;
      return await api.containers.create(options(this.#plan()));
    }
  }

  /** Whether the filled volumes are those that were filled: an engine makes a missing one anew, empty, without a word. */
  async #isWhole(): Promise<boolean> {
    const { api } = this.#machine;
    const now = await Promise.all(this.#prepared.filled.map(({ name }) => api.volumes.labels(name)));
    return this.#prepared.filled.every(({ making }, index) => now[index]?.[LABELS.making] === making);
  }

  #plan(): ContainerPlan {
    const filled = this.#prepared.filled.map(({ at, name }) => [at, name] as const);
    return {
      ...{ machine: this.#machine, spec: this.#spec, layout: this.#layout, image: this.#prepared.image },
      volumes: new Map([...filled, ...this.#writables]),
      network: this.#cache.network ?? 'bridge',
      ...{ init: this.#cache.init, reports: this.#cache.init && this.#machine.server.reports },
    };
  }

  /** As far as it is known here: below a writable mount the engine reports it. An engine would make a missing one. */
  #hasFolder(cwd: string): boolean {
    const { folders, writables, fresh, parts, rootfs } = this.#layout;
    const path = join('/', cwd, '.').replace(/(.)\/$/, '$1');
    if ([...writables.map(({ at }) => at), ...fresh.map(({ at }) => at)].some((at) => isWithin(path, at)))
      return true;
    if (parts.some((part) => part.kind === 'folder' && `/${part.path}` === path)) return true;
    const folder = folders.findLast(({ at }) => isWithin(path, at));
    return isFolder(
      folder === undefined ? rootfs : folder.source,
      folder === undefined ? path : path.slice(folder.at.length),
    );
  }
}

function isFolder(root: string, below: string): boolean {
  return lstatSync(join(root, below), { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The program that engines take for process 1 is a package of its own, and may be missing. */
function lacksInit(cause: unknown): boolean {
  return /docker-init|catatonit|container-init/i.test(cause instanceof Error ? cause.message : '');
}

/** The bridge is there by name only: its programs (netavark, CNI) or the machine's packet filter are not. */
function lacksNetwork(cause: unknown): boolean {
  return /netavark|\bcni\b|iptables|nftables|network bridge|bridge plugin/i.test(
    cause instanceof Error ? cause.message : '',
  );
}
