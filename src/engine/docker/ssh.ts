import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { Duplex, type Readable, type Writable } from 'node:stream';
import type { Address } from './address.ts';

/** Seconds. */
const CONNECT_TIMEOUT = 30;
/** Characters of ssh's complaints that are kept. */
const MOST_STDERR = 8192;

/** What the `ssh` program said when it could not connect. */
export class SshError extends Error {
  readonly stderr: string;

  constructor(message: string, stderr: string) {
    super(message);
    this.stderr = stderr;
  }
}

/**
 * A connection to a daemon through the user's own `ssh`, as Docker's client makes it: with their keys, agent, known
 * hosts and configuration, and checked as they have set it. Looks like a socket to Node's http client.
 */
export class SshSocket extends Duplex {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #stderr = '';
  #answered = false;

  constructor(address: Extract<Address, { kind: 'ssh' }>) {
    super({ allowHalfOpen: true });
    // With the user's environment: the agent's socket, HOME and PATH are what ssh works with. In a session of its
    // own, so that Ctrl-C reaches us only and the connection lasts until all is tidied up.
    this.#child = spawn('ssh', sshArguments(address), { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    const { stdin, stdout, stderr } = this.#child;
    stdin.on('error', () => {}); // The end of the child says what happened.
    stdout.on('data', (chunk: Buffer) => {
      this.#answered = true;
      if (!this.push(chunk)) stdout.pause();
    });
    stdout.on('end', () => {
      if (this.#answered) this.push(null);
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-MOST_STDERR);
    });
    this.#child.once('error', (cause) => this.destroy(new SshError(cause.message, '')));
    this.#child.once('close', (status, signal) => {
      if (this.#answered) return this.destroy();
      this.destroy(new SshError(`ssh ended with ${signal ?? `status ${status}`}`, this.#stderr));
    });
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  /** A pipe that is closed is no reason: what ssh says at its end, which may come later, is. */
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#child.stdin.write(chunk, (error) => {
      if (!error) done();
    });
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#child.kill();
    done(error);
  }

  // What http agents call on sockets of their own.
  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    for (const handle of this.#handles()) handle.ref();
    return this;
  }

  unref(): this {
    for (const handle of this.#handles()) handle.unref();
    return this;
  }

  #handles(): readonly { ref(): void; unref(): void }[] {
    const { stdin, stdout, stderr } = this.#child;
    return [this.#child, ...([stdin, stdout, stderr] as unknown as { ref(): void; unref(): void }[])];
  }
}

function sshArguments({ user, host, port, socket }: Extract<Address, { kind: 'ssh' }>): readonly string[] {
  return [
    '-T',
    ...['-o', `ConnectTimeout=${CONNECT_TIMEOUT}`],
    // A question on the terminal would be lost among our own lines.
    ...['-o', 'BatchMode=yes'],
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...['--', host, 'docker', ...(socket === undefined ? [] : ['--host', `unix://${socket}`])],
    ...['system', 'dial-stdio'],
  ];
}
