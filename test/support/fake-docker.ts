import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { machine, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DockerSettings, Settings } from '../../src/domain/context.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { type TestContext, testContext } from './context.ts';
import { value } from './sandboxes.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on a unix socket that answers as an engine would, for what no real one can be made to say. */
export interface FakeEngine extends AsyncDisposable {
  readonly socket: string;
  /** Method and path of every request, without the version of the API. */
  readonly asked: string[];
}

export const VERSION = {
  Version: '99.0',
  ApiVersion: '1.41',
  MinAPIVersion: '1.12',
  Components: [{ Name: 'Engine' }],
};
const INFO = {
  ID: 'fake',
  OSType: 'linux',
  Architecture: machine(),
  Driver: 'none',
  DockerRootDir: '/none',
};

/** `answers`: `GET /version` → a value sent as JSON, or a function that answers itself. */
export async function fakeEngine(answers: Readonly<Record<string, unknown>>): Promise<FakeEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'fe-'));
  const socket = join(folder, 's');
  const asked: string[] = [];
  const all: Record<string, unknown> = { 'GET /version': VERSION, 'GET /info': INFO, ...answers };
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/v\d+\.\d+(?=\/)/, '').replace(/\?.*/, '');
    const key = `${request.method} ${path}`;
    asked.push(key);
    const answer = all[key];
    if (typeof answer === 'function') return (answer as Answer)(request, response);
    request.resume();
    response.setHeader('Content-Type', 'application/json');
    if (answer === undefined) response.writeHead(404).end(JSON.stringify({ message: `no ${key}` }));
    else response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    ...{ socket, asked },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A context without Docker settings of the user. */
export function dockerContext(
  folder: string,
  engine: string,
  docker: Partial<DockerSettings> = {},
): TestContext {
  const none = { tlsVerify: false, certPath: folder, config: folder, home: folder };
  const settings: Partial<Settings> = { store: folder, engine, docker: { ...none, ...docker } };
  return testContext(settings);
}

export async function storeIn(folder: string): Promise<Store> {
  return value(await openStore(join(folder, 'store')));
}
