import { err, ok, type Result } from '../../domain/result.ts';
import { machineName } from '../../exec/machine.ts';
import { type Address, formatAddress } from './address.ts';
import { Api } from './api.ts';
import { type Connection, connect } from './connect.ts';
import { apiTooOld, notAnEngine, otherArchitecture, otherSystem } from './failures.ts';
import { contactFailure, problemOf } from './problem.ts';

/** What an engine says of itself: `GET /version` and `GET /info` of the Docker Engine API. */
export interface Server {
  readonly kind: 'docker' | 'podman';
  /** e.g. `20.10.24`. */
  readonly version: string;
  /** Newest version of the API that it speaks. */
  readonly api: string;
  /** Its machine, as `uname -m` names it (Podman: as Go names it). */
  readonly architecture: string;
  readonly system: string;
  readonly storageDriver: string;
  /** Its data folder, on its own machine. */
  readonly root: string;
  /** Name of its machine. */
  readonly host: string;
  readonly processors: number;
  /** Bytes. */
  readonly memory: number;
  readonly rootless: boolean;
  /** Its process 1 for containers is one that reports how a program ended (`reporter.ts`). */
  readonly reports: boolean;
  readonly warnings: readonly string[];
  /** Its clock minus ours, milliseconds; includes the time of one call. */
  readonly clockAheadMs: number;
}

/** An engine that answers and can be worked with. */
export interface Contact extends Disposable {
  readonly address: Address;
  readonly api: Api;
  readonly server: Server;
}

/** The version of the API that this code is written to: that of Docker 20.10 and of Podman 3 and 4. */
const SPOKEN = '1.41';
/** Has `Init`, named volumes as `Mounts`, and labels on both (API version history, v1.25). */
const OLDEST = '1.25';

/** Answers of an engine, as far as they are read here. */
interface VersionAnswer {
  readonly Version?: string;
  readonly ApiVersion?: string;
  readonly MinAPIVersion?: string;
  readonly Components?: readonly { readonly Name?: string; readonly Version?: string }[];
}

interface InfoAnswer {
  readonly Architecture?: string;
  readonly OSType?: string;
  readonly Driver?: string;
  readonly DockerRootDir?: string;
  readonly Name?: string;
  readonly NCPU?: number;
  readonly MemTotal?: number;
  readonly SystemTime?: string;
  readonly SecurityOptions?: readonly string[];
  readonly Warnings?: readonly string[] | null;
  readonly Rootless?: boolean;
}

/**
 * Asks who answers at an address and whether it will do. Failures: `engine/docker-not-running`, `-permission`,
 * `-unreachable`, `-tls`, `-ssh`, `-no-api`, `-api-too-old`, `-architecture`, `-system`.
 */
export async function contact(address: Address, signal: AbortSignal): Promise<Result<Contact>> {
  const opened = await connect(address);
  if (!opened.ok) return opened;
  const connection = opened.value;
  const greeted = await greet(connection, signal);
  if (!greeted.ok) {
    connection[Symbol.dispose]();
    return greeted;
  }
  const { server, speak } = greeted.value;
  return ok({
    address,
    api: new Api(connection.client(`v${speak}`)),
    server,
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  });
}

async function greet(
  connection: Connection,
  abortSignal: AbortSignal,
): Promise<Result<{ server: Server; speak: string }>> {
  const { address } = connection;
  const docker = connection.client();
  // The typings of the library lack the signal, and promise more than an unknown server keeps.
  const abortable = { abortSignal } as never;
  let answers: readonly [unknown, unknown];
  try {
    answers = await Promise.all([docker.version(abortable), docker.info(abortable)]);
  } catch (cause) {
    const problem = problemOf(cause);
    if (problem === undefined) throw cause;
    return err(contactFailure(address, problem));
  }
  const [version, info] = answers as [VersionAnswer, InfoAnswer];
  const at = formatAddress(address);
  const { ApiVersion: api, MinAPIVersion: oldest = '1.12' } = version;
  if (typeof api !== 'string' || !/^\d+\.\d+$/.test(api)) return err(notAnEngine(at, [shown(version)]));
  if (compare(api, OLDEST) < 0) return err(apiTooOld(at, api, OLDEST));
  const server = serverOf(version, info, api);
  if (server.system !== 'linux') return err(otherSystem(at, server.system));
  // Podman has other names for machines; there a program that cannot run shows it.
  if (server.kind === 'docker' && server.architecture !== machineName()) {
    return err(otherArchitecture(at, server.architecture, machineName()));
  }
  const newest = compare(api, SPOKEN) < 0 ? api : SPOKEN;
  return ok({ server, speak: compare(newest, oldest) < 0 ? oldest : newest });
}

function serverOf(version: VersionAnswer, info: InfoAnswer, api: string): Server {
  const components = version.Components ?? [];
  const podman = components.some(({ Name = '' }) => Name.startsWith('Podman'));
  const init = components.find(({ Name }) => Name === 'docker-init')?.Version ?? '';
  const time = Date.parse(info.SystemTime ?? '');
  return {
    kind: podman ? 'podman' : 'docker',
    version: version.Version ?? 'unknown',
    api,
    architecture: info.Architecture ?? 'unknown',
    system: info.OSType ?? 'unknown',
    storageDriver: info.Driver ?? 'unknown',
    root: info.DockerRootDir ?? '',
    host: info.Name ?? '',
    processors: info.NCPU ?? 1,
    memory: info.MemTotal ?? 0,
    rootless: info.Rootless ?? (info.SecurityOptions ?? []).some((one) => one.includes('rootless')),
    // Seen in the container under a fixed path since 19.03; a configured other program has no version of this kind.
    reports: compare(api, '1.40') >= 0 && /^0\.(1[89]|[2-9]\d)\b/.test(init),
    warnings: info.Warnings ?? [],
    clockAheadMs: Number.isNaN(time) ? 0 : time - Date.now(),
  };
}

/** The first words of an answer that is none. */
function shown(answer: unknown): string {
  const text = Buffer.isBuffer(answer) ? answer.toString('utf8') : (JSON.stringify(answer) ?? String(answer));
  return text.slice(0, 200);
}

/** Compares `1.9` and `1.41` as versions. */
function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number)) as [number[], number[]];
  return (left[0] ?? 0) - (right[0] ?? 0) || (left[1] ?? 0) - (right[1] ?? 0);
}
