import { setMaxListeners } from 'node:events';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessDeviceFailed } from '../../domain/errno.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { interrupted } from '../../failure.ts';
import { onDisk } from '../../store/disk.ts';
import type { Command, EngineDeps, Exit, Sandbox, SandboxSpec } from '../engine.ts';
import { rootMissing } from '../failures.ts';
import { copyOut } from './copy.ts';
import { guardedParts, makeDevices } from './entries.ts';
import { makeEtc } from './etc.ts';
import type { Features, IdMaps } from './features.ts';
import { Fifos } from './fifos.ts';
import { makeLayout } from './layout.ts';
import { readHostMounts } from './mountinfo.ts';
import { removeFolder } from './remove.ts';
import { type Box, runCommand } from './run.ts';
import type { Refusal } from './setup.ts';
import type { Tools } from './tools.ts';

/** Who runs us and with what. */
export interface Machine {
  readonly tools: Tools;
  readonly features: Features;
  readonly idMaps: IdMaps | undefined;
  readonly uid: number;
  readonly gid: number;
  /** Why no emulator can be registered, where it was tried. */
  readonly refused?: Refusal;
}

export interface OpenInput {
  readonly machine: Machine;
  readonly deps: EngineDeps;
  readonly spec: SandboxSpec;
  /** A path for the sandbox's own folder, where nothing is yet. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Prepares on disk what all commands of a sandbox share; a command's namespaces are made when it runs. */
export async function openSandbox(input: OpenInput): Promise<Result<Sandbox>> {
  if (input.signal.aborted) return err(interrupted());
  const made = await onDisk(input.folder, () => prepare(input));
  const box = made.ok ? made.value : made;
  if (box.ok) return ok(new NamespaceSandbox(box.value));
  await removeFolder(input.folder);
  return box;
}

/** A box without the stop of a sandbox: what the probe needs too. */
export async function prepare({ machine, deps, spec, folder, signal }: OpenInput): Promise<Result<Box>> {
  const rootfs = await stat(spec.rootfs).catch(unlessDeviceFailed(undefined));
  if (!rootfs?.isDirectory()) return err(rootMissing(spec.rootfs));
  const { tools, features, uid, gid } = machine;
  await mkdir(join(folder, 'root'), { recursive: true });
  const etc = await makeEtc(join(folder, 'root', 'etc'), { spec, tools, uid, gid, signal });
  if (!etc.ok) return etc;
  const layout = await makeLayout(folder, spec, deps);
  if (!layout.ok) return layout;
  return ok({
    ...{ tools, features, idMaps: machine.idMaps, spec, folder, signal },
    layout: layout.value,
    devices: await makeDevices(layout.value.root, features),
    guarded: await guardedParts(uid),
    hostMounts: await readHostMounts(),
    fifos: new Fifos(join(folder, 'pipes'), tools),
  });
}

class NamespaceSandbox implements Sandbox {
  readonly #box: Box;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(box: Box) {
    const signal = AbortSignal.any([box.signal, this.#closing.signal]);
    // Every running command listens; as many run as there are jobs.
    setMaxListeners(0, signal);
    this.#box = { ...box, signal };
  }

  run(command: Command): Promise<Result<Exit>> {
    return this.#during(runCommand(this.#box, command));
  }

  copyOut(from: string, to: string): Promise<Result<void>> {
    return this.#during(copyOut(this.#box.layout.layers, from, to, this.#box));
  }

  /** Ends what still runs, then removes the sandbox's folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running);
    await removeFolder(this.#box.folder);
  }

  async #during<T>(work: Promise<Result<T>>): Promise<Result<T>> {
    const guarded = onDisk(this.#box.folder, () => work);
    this.#running.add(guarded);
    try {
      const outcome = await guarded;
      return outcome.ok ? outcome.value : outcome;
    } finally {
      this.#running.delete(guarded);
    }
  }
}
