import type { Context } from '../../domain/context.ts';
import { ok, type Result } from '../../domain/result.ts';
import { oncePerKind } from '../emulation.ts';
import type { Engine, EngineOptions } from '../engine.ts';
import { formatAddress } from './address.ts';
import { Afterwards } from './afterwards.ts';
import { findEngine } from './discovery.ts';
import { ContainerEmulation } from './emulation.ts';
import { RootfsImages } from './images.ts';
import type { EngineStore, Machine } from './machine.ts';
import { storeId } from './names.ts';
import { attempt } from './problem.ts';
import { type EngineCache, openSandbox } from './sandbox.ts';
import { SandboxImages } from './sandbox-images.ts';
import type { Contact, Server } from './server.ts';
import { pruneEngine, type Swept, sweep } from './sweep.ts';
import { FilledVolumes } from './volumes.ts';

/**
 * The engine that speaks the Docker API, to whatever answers it: Docker or Podman, here or on another machine. Files go
 * in and out through the API only, so that it does not matter where. Failures: those of `findEngine`.
 */
export async function probeDockerEngine(
  context: Context,
  { store, limits, locks }: EngineOptions & { readonly store: EngineStore },
): Promise<Result<Engine>> {
  const found = await findEngine(context);
  if (!found.ok) return found;
  const machine = machineOf(context, store, found.value);
  const swept = await attempt(machine.address, 'removing leftovers', async () =>
    ok(await sweep(machine.api)),
  );
  if (!swept.ok) return swept;
  const afterwards = new Afterwards();
  const cache: EngineCache = {
    rootfs: new RootfsImages(machine, locks),
    sandboxes: new SandboxImages(machine, afterwards),
    volumes: new FilledVolumes(machine, afterwards),
    afterwards,
    init: true,
  };
  const emulation = new ContainerEmulation(machine, (spec) =>
    openSandbox(machine, cache, { ...(limits && { limits }), ...spec }),
  );
  return ok({
    info: { name: 'docker', version: found.value.server.version, detail: describe(machine) },
    open: (spec) => emulation.open(spec),
    emulation: oncePerKind((elf) => emulation.support(elf)),
    close: () => close(found.value, cache),
  });
}

/** Removes what this store keeps in the engine that is found: what it no longer has itself, or everything. */
export async function cleanDockerEngine(
  context: Context,
  store: EngineStore,
  all: boolean,
): Promise<Result<Swept>> {
  const found = await findEngine(context);
  if (!found.ok) return found;
  using contact = found.value;
  const machine = machineOf(context, store, contact);
  return await attempt(machine.address, 'cleaning up', async () => ok(await pruneEngine(machine, all)));
}

/**
 * Removes the image of a root tree, waits for `ready`, sends it again and returns how long the sending took (milliseconds),
 * and to where.
 */
export async function sendAgain(
  context: Context,
  store: EngineStore,
  rootfs: string,
  ready: () => Promise<unknown>,
): Promise<Result<{ readonly ms: number; readonly host: string }>> {
  const found = await findEngine(context);
  if (!found.ok) return found;
  using contact = found.value;
  const machine = machineOf(context, store, contact);
  const images = new RootfsImages(machine);
  const there = await images.ensure(rootfs);
  if (!there.ok) return there;
  const removed = await attempt(machine.address, 'removing an image', async () =>
    ok(await machine.api.images.remove(there.value.id)),
  );
  if (!removed.ok) return removed;
  images.forget(rootfs);
  await ready();
  const start = performance.now();
  const sent = await images.ensure(rootfs);
  return sent.ok ? ok({ ms: performance.now() - start, host: formatAddress(machine.address) }) : sent;
}

function machineOf(context: Context, store: EngineStore, { address, api, server }: Contact): Machine {
  return {
    ...{ context, address, api, server, store },
    storeId: storeId(store.folder),
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
  };
}

async function close(contact: Contact, cache: EngineCache): Promise<void> {
  // First what still uses what is removed then. What cannot be removed now is swept at the next start.
  await cache.afterwards.settle();
  await cache.volumes.close().catch(() => {});
  await cache.sandboxes.close().catch(() => {});
  contact[Symbol.dispose]();
}

function describe({ address, server }: Machine): string {
  return [
    formatAddress(address),
    productOf(server),
    server.storageDriver,
    ...(server.rootless ? ['rootless'] : []),
  ].join(', ');
}

function productOf({ kind, api }: Server): string {
  return `${kind === 'podman' ? 'Podman' : 'Docker'}, API ${api}`;
}
