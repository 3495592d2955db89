import type { Duplex, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { hasStatus } from './problem.ts';

/** Times that a volume is asked for where its making was refused. */
const MOST_TRIES = 8;

/** Labels that things of the engine are found by: `name` or `name=value`. */
export type Filter = readonly string[];

export type Labels = Readonly<Record<string, string>>;

export interface ImageFacts {
  readonly id: string;
  /** Digests of the uncompressed layers, bottom first. */
  readonly layers: readonly string[];
}

/** One line of `GET /images/json`, `/containers/json` or `/volumes`. */
export interface Listed {
  /** What it is removed by. */
  readonly id: string;
  readonly labels: Labels;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Of a container. */
  readonly running?: boolean;
}

export interface ContainerState {
  readonly running: boolean;
  readonly exitCode: number;
  readonly oomKilled: boolean;
}

/** What lies at a path of a container: header `X-Docker-Container-Path-Stat`. */
export interface PathFacts {
  readonly name: string;
  /** Where a symbolic link leads, as an absolute path of the container; else empty. */
  readonly linkTarget: string;
}

/**
 * The calls of the Docker Engine API that are used here, by noun. They throw what the client library throws
 * (`problemOf`). Calls that end by themselves at once take no signal: what they make is then known and can be removed.
 */
export class Api {
  readonly images: Images;
  readonly containers: Containers;
  readonly volumes: Volumes;
  readonly networks: Networks;

  constructor(docker: Docker) {
    this.networks = new Networks(docker);
    this.images = new Images(docker);
    this.containers = new Containers(docker);
    this.volumes = new Volumes(docker);
  }
}

class Images {
  readonly #docker: Docker;

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  /** Undefined when there is none of that name. */
  async inspect(name: string): Promise<ImageFacts | undefined> {
    const found = await orAbsent(this.#docker.getImage(name).inspect());
    return found && { id: found.Id, layers: found.RootFS?.Layers ?? [] };
  }

  /** Sends a tar stream as the only layer of a new image; the answer is a stream of events (`readEvents`). */
  import(tar: Readable, changes: readonly string[], abortSignal: AbortSignal): Promise<Readable> {
    const options = { changes, abortSignal };
    return this.#docker.importImage(tar, options as object) as Promise<unknown> as Promise<Readable>;
  }

  async tag(id: string, repo: string, tag: string): Promise<void> {
    await this.#docker.getImage(id).tag({ repo, tag });
  }

  async remove(id: string): Promise<void> {
    await orAbsent(this.#docker.getImage(id).remove({ force: true }));
  }

  /** Whether it was removed: one that a container or another image stands on stays. */
  async removeUnused(id: string): Promise<boolean> {
    try {
      await this.#docker.getImage(id).remove();
      return true;
    } catch (cause) {
      if (hasStatus(cause, 404, 409)) return false;
      throw cause;
    }
  }

  async list(label: Filter): Promise<readonly Listed[]> {
    const found = await this.#docker.listImages({ filters: { label: [...label] } });
    return found.map(({ Id, Labels, Created }) => ({
      id: Id,
      labels: Labels ?? {},
      createdAt: Created * 1000,
    }));
  }
}

class Containers {
  readonly #docker: Docker;

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  /** The new container's id. */
  async create({ name, ...body }: Docker.ContainerCreateOptions): Promise<string> {
    // The library would put everything into the address as well, which has a limit.
    const options = { _query: { name }, _body: body } as Docker.ContainerCreateOptions;
    return (await this.#docker.createContainer(options)).id;
  }

  /**
   * Output, and input where it is wanted; multiplexed unless the container has a terminal. Asked for below the library's
   * own call, which sends its options as a body too: an engine may take that for the first bytes of standard input.
   */
  attach(id: string, what: 'output' | 'input' | 'both'): Promise<Duplex> {
    const [stdin, output] = [what !== 'output', what !== 'input'];
    const request = {
      ...{ path: `/containers/${id}/attach?`, method: 'POST', hijack: true, isStream: true },
      options: { stream: true, stdin, stdout: output, stderr: output },
      ...{ file: Buffer.alloc(0), headers: { 'Content-Type': 'text/plain' } },
      statusCodes: { 101: true, 200: true },
    };
    return new Promise((resolve, reject) => {
      this.#docker.modem.dial(request, (cause: Error | null, stream: unknown) => {
        if (cause !== null) reject(cause);
        else resolve(stream as Duplex);
      });
    });
  }

  async start(id: string): Promise<void> {
    await this.#docker.getContainer(id).start();
  }

  /** Resolves when it has ended. */
  async wait(id: string): Promise<void> {
    await this.#docker.getContainer(id).wait();
  }

  async exists(id: string): Promise<boolean> {
    return (await orAbsent(this.#docker.getContainer(id).inspect())) !== undefined;
  }

  async inspect(id: string): Promise<ContainerState> {
    const { State } = await this.#docker.getContainer(id).inspect();
    return { running: State.Running, exitCode: State.ExitCode, oomKilled: State.OOMKilled };
  }

  /** Bytes of the files that it has in memory (tmpfs, shared memory); undefined where the engine does not tell. */
  async filesInMemory(id: string): Promise<number | undefined> {
    const options = { stream: false, 'one-shot': true };
    const answer = await this.#docker.getContainer(id).stats(options as { stream: false });
    const stats: Partial<Record<string, number>> = { ...answer.memory_stats?.stats };
    // Version 2 of control groups has a count of them; in version 1 they are all that is not of processes: memory.stat.
    if (stats.shmem !== undefined) return stats.shmem;
    const { active_anon: active, inactive_anon: inactive, rss } = stats;
    return active === undefined || inactive === undefined || rss === undefined
      ? undefined
      : active + inactive - rss;
  }

  async kill(id: string): Promise<void> {
    // 409: it has ended meanwhile.
    await orAbsent(this.#docker.getContainer(id).kill(), 404, 409);
  }

  async resize(id: string, h: number, w: number): Promise<void> {
    await this.#docker.getContainer(id).resize({ h, w });
  }

  /** Ends and removes it, with its anonymous volumes. */
  async remove(id: string): Promise<void> {
    // 409: somebody else is removing it.
    await orAbsent(this.#docker.getContainer(id).remove({ force: true, v: true }), 404, 409);
  }

  /** Unpacks a tar stream in a folder of a container, which need not run. */
  async put(id: string, tar: Readable, path: string, abortSignal: AbortSignal): Promise<void> {
    await this.#docker
      .getContainer(id)
      .putArchive(tar as unknown as NodeJS.ReadableStream, { path, abortSignal });
  }

  /** A tar stream of a file or folder; undefined when it is not there. */
  get(id: string, path: string, abortSignal: AbortSignal): Promise<Readable | undefined> {
    const archive = this.#docker.getContainer(id).getArchive({ path, abortSignal });
    return orAbsent(archive as Promise<unknown> as Promise<Readable>);
  }

  /** Undefined when nothing is there. */
  async stat(id: string, path: string): Promise<PathFacts | undefined> {
    const answer = (await orAbsent(this.#docker.getContainer(id).infoArchive({ path }))) as
      | { readonly headers: Readonly<Record<string, string | undefined>>; resume(): void }
      | undefined;
    if (answer === undefined) return undefined;
    answer.resume();
    const header = answer.headers['x-docker-container-path-stat'] ?? '';
    const { name, linkTarget } = JSON.parse(Buffer.from(header, 'base64').toString('utf8'));
    return { name, linkTarget };
  }

  /** Makes an image of it; the image's id. */
  async commit(id: string, changes: readonly string[]): Promise<string> {
    const made = (await this.#docker.getContainer(id).commit({ changes, pause: false } as object)) as {
      Id: string;
    };
    return made.Id;
  }

  async list(label: Filter): Promise<readonly Listed[]> {
    const found = await this.#docker.listContainers({ all: true, filters: { label: [...label] } });
    return found.map(({ Id, Labels, Created, State }) => ({
      id: Id,
      labels: Labels ?? {},
      createdAt: Created * 1000,
      running: State === 'running',
    }));
  }
}

class Volumes {
  readonly #docker: Docker;

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  /** Makes a volume; one of that name that is there already stays as it is. */
  async create(name: string, labels: Labels): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#docker.createVolume({ Name: name, Labels: { ...labels } });
        return;
      } catch (cause) {
        // Podman looks whether it is there and then makes it: of two at once one may be refused, and finds it a moment later.
        if (tries === MOST_TRIES || !(cause instanceof Error && /exists/.test(cause.message))) throw cause;
        await sleep(tries * 20);
      }
    }
  }

  /** Its labels; undefined when there is none of that name. */
  async labels(name: string): Promise<Labels | undefined> {
    const found = await orAbsent(this.#docker.getVolume(name).inspect());
    return found && (found.Labels ?? {});
  }

  /** False when a container still uses it. */
  async remove(name: string): Promise<boolean> {
    try {
      await orAbsent(this.#docker.getVolume(name).remove());
      return true;
    } catch (cause) {
      if (hasStatus(cause, 409)) return false;
      throw cause;
    }
  }

  async list(label: Filter): Promise<readonly Listed[]> {
    const { Volumes: found } = await this.#docker.listVolumes({ filters: { label: [...label] } });
    return (found ?? []).map((volume) => ({
      id: volume.Name,
      labels: volume.Labels ?? {},
      createdAt: Date.parse((volume as { CreatedAt?: string }).CreatedAt ?? '') || 0,
    }));
  }
}

class Networks {
  readonly #docker: Docker;

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  /** Whether containers can have a network of their own that leads out. */
  async hasBridge(): Promise<boolean> {
    return (await this.#docker.listNetworks()).some(({ Driver }) => Driver === 'bridge');
  }
}

async function orAbsent<T>(call: Promise<T>, ...statuses: readonly number[]): Promise<T | undefined> {
  try {
    return await call;
  } catch (cause) {
    if (hasStatus(cause, ...(statuses.length > 0 ? statuses : [404]))) return undefined;
    throw cause;
  }
}
