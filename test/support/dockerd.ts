import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type Product = 'dockerd' | 'podman';

/** A real engine of the test's own: own socket, own data; nothing of the machine's own engine is touched. */
export interface TestEngine {
  readonly product: Product;
  readonly socket: string;
  readonly folder: string;
  /** What the engine printed. */
  log(): string;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again on the same data. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

export interface EngineOptions {
  /** Puts the data on a file system of that many bytes. */
  readonly size?: number;
  /** Containers may make all system calls (seccomp): namespaces of their own, and mounts in them. */
  readonly unfiltered?: boolean;
  /** Program that dockerd starts in place of runc. */
  readonly runtime?: string;
}

/** Why there can be no engine here; undefined when there can. */
export function engineMissing(product: Product): string | undefined {
  if (process.getuid?.() !== 0) return `${product} needs root`;
  const needed =
    product === 'dockerd' ? ['dockerd', 'containerd', 'runc', 'docker-init'] : ['podman', 'catatonit'];
  const missing = needed.filter((program) => !onPath(program));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}

/** Starts an engine. Its folder has a short name: the paths of sockets are limited to 107 bytes (unix(7)). */
export async function startEngine(product: Product, options: EngineOptions = {}): Promise<TestEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'pe-'));
  const data = join(folder, 'data');
  mkdirSync(data);
  if (options.size !== undefined) {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${options.size}`, 'tmpfs', data]);
    if (mounted.status !== 0) throw new Error(`no small file system: ${mounted.stderr}`);
  }
  const engine = new Running(product, folder, options);
  try {
    await engine.start();
  } catch (error) {
    await engine.remove();
    throw error;
  }
  return engine;
}

class Running implements TestEngine {
  readonly product: Product;
  readonly folder: string;
  readonly socket: string;
  readonly #options: EngineOptions;
  #child: ChildProcess | undefined;
  /** Runs containers for dockerd; a process of its own, so that it lasts when dockerd is killed, as on a real machine. */
  #containerd: ChildProcess | undefined;
  #output = '';

  constructor(product: Product, folder: string, options: EngineOptions) {
    this.product = product;
    this.folder = folder;
    this.socket = join(folder, 's');
    this.#options = options;
  }

  log(): string {
    return this.#output;
  }

  async start(): Promise<void> {
    rmSync(join(this.folder, 'pid'), { force: true });
    if (this.product === 'dockerd') await this.#startContainerd();
    const [program, args, env] = this.product === 'dockerd' ? this.#docker() : this.#podman();
    this.#child = this.#spawn(program, args, env);
    await this.#until(this.#child, async () => existsSync(this.socket) && (await answers(this.socket)));
  }

  async #startContainerd(): Promise<void> {
    if (this.#containerd !== undefined) return;
    const folders = ['--root', join(this.folder, 'c'), '--state', join(this.folder, 'cs')];
    this.#containerd = this.#spawn('containerd', [...folders, '--address', join(this.folder, 'cd')], {});
    await this.#until(this.#containerd, async () => existsSync(join(this.folder, 'cd')));
  }

  #spawn(program: string, args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
    const child = spawn(program, args, {
      // conmon leaves a file `oom` in its working folder.
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    const note = (chunk: Buffer): void => {
      this.#output += chunk.toString('utf8');
    };
    child.stdout?.on('data', note);
    child.stderr?.on('data', note);
    return child;
  }

  async #until(child: ChildProcess, ready: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 300; tries += 1) {
      if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended:\n${this.#output.slice(-3000)}`);
      if (await ready()) return;
      await sleep(100);
    }
    throw new Error(`${child.spawnfile} does not answer:\n${this.#output.slice(-3000)}`);
  }

  async kill(): Promise<void> {
    await end(this.#child, 'SIGKILL');
  }

  async remove(): Promise<void> {
    await end(this.#child, 'SIGTERM');
    const podman = ['--root', join(this.folder, 'data'), '--runroot', join(this.folder, 'x')];
    if (this.product === 'podman') spawnSync('podman', [...podman, 'rm', '--all', '--force']);
    await end(this.#containerd, 'SIGTERM');
    for (const mount of mountsBelow(this.folder)) spawnSync('umount', ['--lazy', mount]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #docker(): [string, string[], Record<string, string>] {
    const { folder, socket } = this;
    // No bridge and no packet filter: those of an engine that the machine itself has would be changed.
    const network = ['--bridge', 'none', '--iptables=false'];
    // An overlay cannot lie on a tmpfs of every kernel; files are copied there.
    const storage = this.#options.size === undefined ? [] : ['--storage-driver', 'vfs'];
    const folders = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'x')];
    const own = [
      '--host',
      `unix://${socket}`,
      '--pidfile',
      join(folder, 'pid'),
      '--containerd',
      join(folder, 'cd'),
    ];
    const { runtime } = this.#options;
    const other =
      runtime === undefined ? [] : ['--add-runtime', `other=${runtime}`, '--default-runtime', 'other'];
    return ['dockerd', [...folders, ...own, ...network, ...storage, ...this.#seccomp(), ...other], {}];
  }

  #seccomp(): string[] {
    if (this.#options.unfiltered !== true) return [];
    const profile = join(this.folder, 'seccomp.json');
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW' }));
    return ['--seccomp-profile', profile];
  }

  #podman(): [string, string[], Record<string, string>] {
    const { folder, socket } = this;
    const configuration = join(folder, 'containers.conf');
    // Its usual limits are more than a machine without CAP_SYS_RESOURCE grants; there may be no systemd either.
    writeFileSync(
      configuration,
      `[containers]\ndefault_ulimits = ["nofile=16384:16384", "nproc=8192:8192"]\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n`,
    );
    const folders = ['--root', join(folder, 'data'), '--runroot', join(folder, 'x')];
    const serve = ['system', 'service', '--time=0', `unix://${socket}`];
    return ['podman', [...folders, ...serve], { CONTAINERS_CONF: configuration }];
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/_ping' }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
    });
    asked.once('error', () => resolve(false));
    asked.end();
  });
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await ended;
  clearTimeout(timer);
}

/** Innermost first. */
function mountsBelow(folder: string): readonly string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((at) => at.startsWith(`${folder}/`))
    .reverse();
}

function onPath(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}
