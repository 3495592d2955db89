// A real registry on the loopback (Debian package docker-registry), and a proxy that breaks what it says.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { LocalRegistry } from '../../src/bench/local-registry.ts';
import { temporaryFolder } from './cli.ts';
import { value } from './sandboxes.ts';

type After = { after(done: () => unknown): void };

/** Why there is none; false: there is one. */
export const NO_REGISTRY: string | false =
  spawnSync('sh', ['-c', 'command -v docker-registry']).status === 0
    ? false
    : 'docker-registry is not installed';

/** `docker login` has this for the registry that asks for one. */
const LOGIN = 'me:secret';
/** crypt(5), bcrypt: of `secret`. */
const HTPASSWD = 'me:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n';

export interface RegistryOptions {
  /** Certificate of an authority that is made for it. */
  readonly tls?: boolean;
  readonly login?: boolean;
  readonly deletes?: boolean;
}

export interface TestRegistry {
  /** With its port. */
  readonly host: string;
  /** Its certificate, where it has one. */
  readonly ca: string;
  /** Folder of its blobs: `<first two digits>/<digest>/data`. */
  readonly blobs: string;
  stop(): Promise<void>;
}

export async function startRegistry(t: After, options: RegistryOptions = {}): Promise<TestRegistry> {
  const folder = temporaryFolder(t as { after(done: () => void): void });
  const ca = join(folder, 'ca.pem');
  const users = join(folder, 'users');
  if (options.tls) makeCertificate(folder, ca);
  writeFileSync(users, HTPASSWD);
  const registry = value(
    await LocalRegistry.start(folder, {
      ...(options.deletes && { storage: { delete: { enabled: true } } }),
      ...(options.tls && { http: { tls: { certificate: ca, key: join(folder, 'key.pem') } } }),
      ...(options.login && { auth: { htpasswd: { realm: 'here', path: users } } }),
    }),
  );
  const { host } = registry;
  const stop = () => registry[Symbol.asyncDispose]();
  t.after(stop);
  return { host, ca, blobs: join(folder, 'data/docker/registry/v2/blobs/sha256'), stop };
}

function makeCertificate(folder: string, ca: string): void {
  const subject = ['-subj', '/CN=registry', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', join(folder, 'key.pem'), '-out', ca];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', ...subject, ...files],
    {
      stdio: 'ignore',
    },
  );
}

/** A folder for `DOCKER_CONFIG` with the login of a host. */
export function dockerLogin(folder: string, host: string, login = LOGIN): string {
  mkdirSync(folder, { recursive: true });
  const auths = { [host]: { auth: Buffer.from(login).toString('base64') } };
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths }));
  return folder;
}

/** What is done to one request instead of passing it on. */
export type Fault =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Buffer;
    }
  /** The connection ends after so many bytes of the answer. */
  | { readonly cut: number }
  | 'reset'
  | 'silence';

export interface FaultyProxy {
  readonly host: string;
  /** `METHOD path` of what was asked. */
  readonly asked: string[];
  /** Decides about each request; undefined: it is passed on. */
  fault: (method: string, path: string) => Fault | undefined;
}

export async function faultyProxy(t: After, to: string): Promise<FaultyProxy> {
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '' } = incoming;
    proxy.asked.push(`${method} ${url}`);
    const fault = proxy.fault(method, url);
    if (fault === 'silence') return;
    if (fault === 'reset') return void incoming.socket.destroy();
    if (fault !== undefined && 'status' in fault) {
      incoming.resume();
      outgoing.writeHead(fault.status, fault.headers).end(fault.body);
      return;
    }
    passOn(to, incoming, outgoing, fault?.cut);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const proxy: FaultyProxy = { host, asked: [], fault: () => undefined };
  return proxy;
}

function passOn(to: string, incoming: IncomingMessage, outgoing: ServerResponse, cut?: number): void {
  const { method, url: path, headers } = incoming;
  const [host, port] = to.split(':');
  const passed = request({ host, port, path, method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    if (cut === undefined) return void answer.pipe(outgoing);
    let left = cut;
    answer.on('data', (chunk: Buffer) => {
      outgoing.write(chunk.subarray(0, Math.max(0, left)));
      left -= chunk.length;
      if (left <= 0) setTimeout(() => outgoing.destroy(), 50);
    });
  });
  passed.once('error', () => outgoing.destroy());
  incoming.pipe(passed);
}
