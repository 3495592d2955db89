import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';

/** Milliseconds within which it has to answer. */
const START_MS = 10_000;

const LOOPBACK = '127.0.0.1';

export interface RegistrySettings {
  readonly storage?: Readonly<Record<string, unknown>>;
  readonly http?: Readonly<Record<string, unknown>>;
  readonly auth?: Readonly<Record<string, unknown>>;
}

/** The registry of Docker's distribution, on the loopback, for the time of a bench. */
export class LocalRegistry implements AsyncDisposable {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(host: string, child: ChildProcess, ended: Promise<unknown>) {
    this.host = host;
    this.#child = child;
    this.#ended = ended;
  }

  /**
   * `folder`: where it keeps its blobs (`data`); made when missing. `settings`: of its configuration, below `storage` and `http`, and
   * beside them. Failure: `engine/bench-registry`.
   */
  static async start(folder: string, settings: RegistrySettings = {}): Promise<Result<LocalRegistry>> {
    await mkdir(folder, { recursive: true });
    const port = await freePort();
    const host = `${LOOPBACK}:${port}`;
    const file = join(folder, 'config.yml');
    await writeFile(file, configuration(host, join(folder, 'data'), settings));
    const child = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
    let gone: string | undefined;
    const ended = new Promise<void>((resolve) => {
      const end = (why: string): void => {
        gone = why;
        resolve();
      };
      child.once('error', ({ message }) => end(message));
      child.once('exit', (status, signal) => end(`it ended with ${signal ?? status}`));
    });
    const until = Date.now() + START_MS;
    while (gone === undefined && Date.now() < until) {
      if (await listens(port)) return ok(new LocalRegistry(host, child, ended));
      await sleep(50);
    }
    child.kill();
    return err(noRegistry(gone ?? `it did not answer within ${START_MS / 1000} s`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill();
    await this.#ended;
  }
}

/** Its configuration is YAML, of which JSON is a part. */
function configuration(host: string, data: string, { storage, http, ...more }: RegistrySettings): string {
  return JSON.stringify({
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: data }, ...storage },
    http: { addr: host, ...http },
    ...more,
  });
}

/** Whether something takes connections there. */
async function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** A port of the loopback that nothing listens at. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function noRegistry(line: string): Failure {
  return {
    code: 'engine/bench-registry',
    what: 'There is no registry to share a store in: `docker-registry` cannot be started on this machine.',
    fix: [
      'Install it (package `docker-registry`), or name a repository of one that runs: `PROVISION_CACHE=oci://host:port/path`.',
    ],
    evidence: [line],
  };
}
