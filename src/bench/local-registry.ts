import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';

/** Milliseconds within which it has to answer. */
const START_MS = 10_000;

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

  /** `folder`: where it keeps its blobs; made when missing. Failure: `engine/bench-registry`. */
  static async start(folder: string): Promise<Result<LocalRegistry>> {
    await mkdir(folder, { recursive: true });
    const host = `127.0.0.1:${await freePort()}`;
    const file = join(folder, 'config.yml');
    await writeFile(file, configuration(host, join(folder, 'data')));
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
      if (await answers(host)) return ok(new LocalRegistry(host, child, ended));
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
function configuration(host: string, data: string): string {
  return JSON.stringify({
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: data } },
    http: { addr: host },
  });
}

async function answers(host: string): Promise<boolean> {
  try {
    return (await fetch(`http://${host}/v2/`)).ok;
  } catch {
    return false;
  }
}

/** A port of the loopback that nothing listens at. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
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
