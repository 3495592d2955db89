import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

type After = { after(done: () => unknown): void };

/** A real HTTP server on this machine that plays a mirror. */
export interface Mirror {
  /** Archive root: `http://127.0.0.1:<port>/debian`. */
  readonly url: string;
  /** Every request, in order. */
  readonly requests: { readonly path: string; readonly headers: IncomingMessage['headers'] }[];
  /** Ends it before the test does. */
  close(): Promise<void>;
}

export type Answer = (request: IncomingMessage, response: ServerResponse, path: string) => void;

/** Starts a mirror; `path` is what comes after the archive root, decoded. */
export async function startMirror(t: After, answer: Answer): Promise<Mirror> {
  const requests: Mirror['requests'] = [];
  const listener: RequestListener = (request, response) => {
    const path = decodeURIComponent((request.url ?? '').replace(/^\/debian\//, ''));
    requests.push({ path, headers: request.headers });
    answer(request, response, path);
  };
  const server = createServer(listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  t.after(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/debian`, requests, close };
}

/** Answers with files, as mirrors do: ranges are served, what is not there is 404. */
export function files(
  content: ReadonlyMap<string, Uint8Array> | Readonly<Record<string, Uint8Array | string>>,
): Answer {
  const all = content instanceof Map ? content : new Map(Object.entries(content));
  return (request, response, path) => {
    const found = all.get(path);
    if (found === undefined) return void response.writeHead(404).end('not here');
    send(request, response, Buffer.from(found));
  };
}

/** One file, whole or from the offset that `Range` asks for. */
export function send(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const start = rangeStart(request);
  if (start === undefined) return void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  const rest = bytes.subarray(start);
  const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
  response.writeHead(206, { 'content-length': rest.length, 'content-range': range }).end(rest);
}

export function rangeStart(request: IncomingMessage): number | undefined {
  const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  return match === null ? undefined : Number(match[1]);
}

/** Sends the head and some of the bytes that it promises; the connection is cut when they are out. */
export function sendPart(response: ServerResponse, bytes: Buffer, count: number): void {
  response.writeHead(200, { 'content-length': bytes.length });
  response.write(bytes.subarray(0, count), () => setTimeout(() => response.destroy(), 20));
}
