import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defined } from '../../domain/defined.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { isThere } from '../../exec/files.ts';
import { badHost, tlsFiles } from './failures.ts';

/** PEM texts of one side of a TLS connection. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface Tls extends TlsFiles {
  /** Whether the server has to prove who it is. */
  readonly verify: boolean;
}

/** Where a Docker API is escapeCommands. */
export type Address =
  | { readonly kind: 'unix'; readonly socket: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: Tls }
  /** The far machine's own client relays: `docker system dial-stdio`. */
  | {
      readonly kind: 'ssh';
      readonly host: string;
      readonly user?: string;
      readonly port?: number;
      /** Socket on the far machine, where it is not the usual one. */
      readonly socket?: string;
    };

/** Ports that Docker has registered. */
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

/** Reads a host as DOCKER_HOST and `docker --host` take it: docker(1). `tls` is for tcp addresses. */
export function parseAddress(text: string, tls?: Tls): Result<Address> {
  const [, scheme = '', rest = ''] = /^(?:([a-z]+):\/\/)?(.*)$/.exec(text.trim()) ?? [];
  if (rest === '') return err(badHost(text, 'It names nothing.'));
  switch (scheme) {
    case '':
      return rest.startsWith('/') ? ok({ kind: 'unix', socket: rest }) : parseTcp(text, rest, tls);
    case 'unix':
      if (rest.startsWith('/')) return ok({ kind: 'unix', socket: rest });
      return err(badHost(text, 'A socket is named by its whole path: `unix:///…`.'));
    case 'tcp':
    case 'http':
    case 'https':
      return parseTcp(text, rest, scheme === 'https' ? (tls ?? { verify: true }) : tls);
    case 'ssh':
      return parseSsh(text);
    default:
      return err(badHost(text, `Addresses that begin with \`${scheme}://\` are not known here.`));
  }
}

function parseTcp(text: string, rest: string, tls: Tls | undefined): Result<Address> {
  const url = `tcp://${rest}`;
  if (!URL.canParse(url)) return err(badHost(text, 'It is not `tcp://host:port`.'));
  const { hostname, port } = new URL(url);
  if (hostname === '') return err(badHost(text, 'It names no host.'));
  return ok({
    kind: 'tcp',
    // An IPv6 address without the brackets that only URLs need.
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (tls === undefined ? PLAIN_PORT : TLS_PORT) : Number(port),
    ...defined({ tls }),
  });
}

function parseSsh(text: string): Result<Address> {
  if (!URL.canParse(text)) return err(badHost(text, 'It is not `ssh://user@host`.'));
  const { hostname, port, username, password, pathname } = new URL(text);
  if (hostname === '' || hostname.startsWith('-')) return err(badHost(text, 'It names no host.'));
  if (password !== '') return err(badHost(text, 'A password has no place in it: use a key.'));
  return ok({
    kind: 'ssh',
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(username === '' ? {} : { user: decodeURIComponent(username) }),
    ...(port === '' ? {} : { port: Number(port) }),
    ...(pathname.length > 1 ? { socket: pathname } : {}),
  });
}

/** The address as a user would write it. */
export function formatAddress(address: Address): string {
  switch (address.kind) {
    case 'unix':
      return `unix://${address.socket}`;
    case 'tcp':
      return `tcp://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
    case 'ssh': {
      const { user, host, port, socket = '' } = address;
      return `ssh://${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}${socket}`;
    }
  }
}

/** Reads `ca.pem`, `cert.pem` and `key.pem` of a folder; those that are not there are left out. */
export function readTls(folder: string, verify: boolean): Result<Tls> {
  try {
    const files = Object.fromEntries(
      (['ca', 'cert', 'key'] as const)
        .map((name) => [name, join(folder, `${name}.pem`)] as const)
        .filter(([, file]) => isThere(file))
        .map(([name, file]) => [name, readFileSync(file, 'utf8')]),
    ) as TlsFiles;
    return ok({ ...files, verify });
  } catch (cause) {
    return err(tlsFiles(folder, (cause as Error).message));
  }
}
