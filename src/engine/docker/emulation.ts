import { mkdir, writeFile } from 'node:fs/promises';
import { machine as machineName } from 'node:os';
import { join } from 'node:path';
import { err, ok, type Result } from '../../domain/result.ts';
import { onDisk } from '../../store/disk.ts';
import { removeTree, temporaryPath } from '../../store/temporary.ts';
import type { ElfKind, Emulation, EmulationSupport } from '../emulation.ts';
import type { Command, Engine, Exit, Sandbox, SandboxSpec } from '../engine.ts';
import { commandNotFound } from '../failures.ts';
import { startsForeign } from '../foreign-trial.ts';
import { isProgramMachine } from '../instructions.ts';
import { PATHS } from '../paths.ts';
import {
  NOT_BECOME,
  REGISTRAR_STEPS,
  type RegistrarStep,
  registrarMessage,
  registrarProgram,
} from '../registrar.ts';
import { NO_MACHINE, registrationLine } from '../registration.ts';
import { starterProgram } from '../starter.ts';
import type { Machine } from './machine.ts';

type Open = Engine['open'];

const STARTER_AT = `${PATHS.emulator}/starter`;
const REGISTRAR_AT = `${PATHS.emulator}/registrar`;

/** Emulation in the containers of one engine. */
export class ContainerEmulation {
  readonly #machine: Machine;
  readonly #open: Open;
  #refused: Promise<Result<RegistrarStep | undefined>> | undefined;

  /** `open` opens sandboxes and registers nothing; where one is for emulation, its containers may do it. */
  constructor(machine: Machine, open: Open) {
    this.#machine = machine;
    this.#open = open;
  }

  /** Opens a sandbox, with emulation where it is asked for and containers may have it. */
  async open(spec: SandboxSpec): Promise<Result<Sandbox>> {
    const { emulation, ...plain } = spec;
    if (emulation === undefined) return this.#open(plain);
    const refused = await this.#whatIsRefused();
    if (!refused.ok) return refused;
    return refused.value === undefined ? this.#openEmulated(plain, emulation) : this.#open(plain);
  }

  async support(elf: ElfKind): Promise<Result<EmulationSupport>> {
    const refused = await this.#whatIsRefused();
    if (!refused.ok) return refused;
    if (refused.value === undefined) return ok({ by: 'sandbox' });
    const folder = this.#temporary();
    const host = await onDisk(folder, () => startsForeign({ open: this.#open }, folder, elf));
    await removeTree(folder);
    if (!host.ok) return host;
    if (!host.value.ok) return host.value;
    if (host.value.value) return ok({ by: 'host' });
    const evidence = [registrarMessage(refused.value).trim()];
    return ok({ by: 'none', ...explain(refused.value), evidence });
  }

  /** Tried in a container of an empty root tree, until it has come to an answer. */
  async #whatIsRefused(): Promise<Result<RegistrarStep | undefined>> {
    this.#refused ??= this.#try();
    const refused = await this.#refused;
    if (!refused.ok) this.#refused = undefined;
    return refused;
  }

  async #try(): Promise<Result<RegistrarStep | undefined>> {
    if (!isProgramMachine(machineName())) return ok('namespaces');
    const rootfs = this.#temporary();
    const made = await onDisk(rootfs, () => mkdir(rootfs));
    if (!made.ok) return made;
    try {
      const emulation: Emulation = { launcher: ['/emulator'], elf: NO_MACHINE };
      const opened = await this.#openEmulated({ rootfs, mounts: [], network: 'none' }, emulation);
      if (!opened.ok) return opened;
      await using box = opened.value;
      // Nothing is there: the registrar has come to its end when it says so.
      const exit = await box.runRaw({ argv: ['/nothing'], env: {}, cwd: '/' });
      if (!exit.ok) return exit;
      const step = stepOf(exit.value);
      return ok(step === 'program' ? undefined : (step ?? 'namespaces'));
    } finally {
      await removeTree(rootfs);
    }
  }

  async #openEmulated(spec: SandboxSpec, emulation: Emulation): Promise<Result<EmulatedSandbox>> {
    const { launcher, elf } = emulation;
    const { uid, gid } = this.#machine;
    const machine = machineName();
    if (!isProgramMachine(machine)) throw new Error(`there are no programs for ${machine}`);
    const folder = this.#temporary();
    const [starter, registrar] = [join(folder, 'starter'), join(folder, 'registrar')];
    const line = registrationLine('provision', elf, STARTER_AT);
    const made = await onDisk(folder, async () => {
      await mkdir(folder);
      await writeFile(starter, starterProgram(machine, launcher), { mode: 0o755 });
      await writeFile(registrar, registrarProgram(machine, { line, uid, gid }), { mode: 0o755 });
    });
    if (!made.ok) return made;
    const opened = await this.#open({
      ...spec,
      emulation,
      mounts: [
        ...spec.mounts,
        { kind: 'source', source: starter, at: STARTER_AT },
        { kind: 'source', source: registrar, at: REGISTRAR_AT },
      ],
    });
    if (opened.ok) return ok(new EmulatedSandbox(opened.value, folder));
    await removeTree(folder);
    return opened;
  }

  #temporary(): string {
    return temporaryPath(this.#machine.store.folder, 'emulation');
  }
}

/** A sandbox whose commands are started by the registrar. */
class EmulatedSandbox implements Sandbox {
  readonly #inner: Sandbox;
  readonly #folder: string;

  constructor(inner: Sandbox, folder: string) {
    this.#inner = inner;
    this.#folder = folder;
  }

  async run(command: Command): Promise<Result<Exit>> {
    const exit = await this.runRaw(command);
    const step = exit.ok ? stepOf(exit.value) : undefined;
    if (step === undefined) return exit;
    const message = registrarMessage(step).trim();
    const why =
      'It is not there or not executable, its interpreter is missing, or it is for another machine.';
    if (step === 'program') return err(commandNotFound(command.argv[0], why, [message]));
    return err({
      code: 'engine/sandbox-failed',
      what: 'An emulator could not be registered in a container, though it could be before.',
      fix: ['Run the same command again; a machine out of memory, processes or namespaces refuses too.'],
      evidence: [message],
    });
  }

  /** The exit of the registrar itself, where it is refused something. */
  runRaw(command: Command): Promise<Result<Exit>> {
    const [program] = command.argv;
    // A name is looked for in PATH, which the registrar does not do.
    const named = program.includes('/') ? command.argv : ['/usr/bin/env', '--', ...command.argv];
    return this.#inner.run({ ...command, argv: [REGISTRAR_AT, ...named] });
  }

  copyOut(from: string, to: string): Promise<Result<void>> {
    return this.#inner.copyOut(from, to);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
    await removeTree(this.#folder);
  }
}

function stepOf({ status, stderr }: Exit): RegistrarStep | undefined {
  if (status !== NOT_BECOME) return undefined;
  const text = Buffer.from(stderr).toString('latin1');
  return REGISTRAR_STEPS.find((step) => text === registrarMessage(step));
}

function explain(step: RegistrarStep): { readonly why: string; readonly fix: readonly string[] } {
  if (step === 'mount' || step === 'register') {
    return {
      why: 'Containers of this engine may not mount binfmt_misc in a user namespace: the kernel is older than Linux 6.7, or a security module (AppArmor, SELinux) forbids mounts.',
      fix: ['Use the other engine: `--engine namespace`.'],
    };
  }
  return {
    why: 'Containers of this engine may not make user namespaces: its seccomp profile, or a limit of its machine, forbids it.',
    fix: [
      'Start its daemon with a seccomp profile that lets containers make user namespaces and mount in them: `dockerd --seccomp-profile <file>`.',
      'Or use the other engine: `--engine namespace`.',
    ],
  };
}
