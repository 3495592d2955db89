import { Agent } from 'node:http';
import { connect as connectSocket, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { inspect } from 'node:util';
import type Docker from 'dockerode';
import { defined } from '../../domain/defined.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { type Address, formatAddress } from './address.ts';
import { badHost } from './failures.ts';
import { SshSocket } from './ssh.ts';

/** A client for one daemon. */
export interface Connection extends Disposable {
  readonly address: Address;
  /** The client whose paths name a version of the API (`v1.41`); without one the daemon takes its newest. */
  client(version?: string): Docker;
}

/** Milliseconds until a host that does not answer is given up. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Prepares a client; nothing is sent yet. The library is loaded here, on first use: it takes about 200 ms. */
export async function connect(address: Address): Promise<Result<Connection>> {
  const { default: Library } = await import('dockerode');
  const agent = new EngineAgent(address);
  const client = (version?: string): Docker =>
    new Library({
      // All of these are given, for what is not given the library takes from the environment itself.
      ...{ host: 'docker', port: 80, protocol: 'http', pathPrefix: '/', agent },
      ...{ socketPath: undefined, ca: undefined, cert: undefined, key: undefined },
      ...{ username: undefined, timeout: undefined, version },
    } as unknown as Docker.DockerOptions);
  try {
    client();
  } catch (cause) {
    // The library reads DOCKER_HOST and DOCKER_CERT_PATH before it looks at what it is given.
    return err(badHost(formatAddress(address), (cause as Error).message));
  }
  return ok({ address, client, [Symbol.dispose]: () => agent.destroy() });
}

/** Opens the connections of an address; whatever they are, HTTP is escapeCommands on them. */
class EngineAgent extends Agent {
  readonly #address: Address;

  constructor(address: Address) {
    super({ keepAlive: true });
    this.#address = address;
  }

  override createConnection(): Duplex {
    const address = this.#address;
    if (address.kind === 'ssh') return new SshSocket(address);
    return limited(address.kind === 'unix' ? connectSocket({ path: address.socket }) : dial(address));
  }

  /** The library writes out all that it sends, the agent with its sockets and keys, whether that is shown or not. */
  [inspect.custom](): string {
    return `EngineAgent ${formatAddress(this.#address)}`;
  }
}

function dial({ host, port, tls }: Extract<Address, { kind: 'tcp' }>): Socket {
  if (tls === undefined) return connectSocket({ host, port });
  const { ca, cert, key, verify } = tls;
  return connectTls({
    ...{ host, port, rejectUnauthorized: verify },
    ...defined({ ca, cert, key }),
    // A server is known by name; an address is in a certificate as such.
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
  });
}

function limited(socket: Socket): Socket {
  const timer = setTimeout(() => {
    socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
  }, CONNECT_TIMEOUT_MS);
  const clear = (): void => clearTimeout(timer);
  socket.once('connect', clear);
  socket.once('close', clear);
  return socket;
}
