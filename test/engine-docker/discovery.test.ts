import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { DockerSettings } from '../../src/domain/context.ts';
import { formatAddress, parseAddress } from '../../src/engine/docker/address.ts';
import { findEngine, surveyEngines } from '../../src/engine/docker/discovery.ts';
import { SshError, SshSocket } from '../../src/engine/docker/ssh.ts';
import { temporaryFolder } from '../support/cli.ts';
import { dockerContext, type FakeEngine, fakeEngine, VERSION } from '../support/fake-docker.ts';
import { asOrdinaryUser } from '../support/ordinary-user.ts';
import { value } from '../support/sandboxes.ts';

async function codeOf(folder: string, engine: string, docker: Partial<DockerSettings> = {}): Promise<string> {
  const found = await findEngine(dockerContext(folder, engine, docker));
  if (!found.ok) {
    assert.ok(found.error.fix.length > 0, 'every failure says what to do');
    return found.error.code;
  }
  found.value[Symbol.dispose]();
  return formatAddress(found.value.address);
}

function writeContext(folder: string, name: string, host: string): void {
  const id = createHash('sha256').update(name).digest('hex');
  mkdirSync(join(folder, 'contexts', 'meta', id), { recursive: true });
  const meta = { Name: name, Metadata: {}, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } };
  writeFileSync(join(folder, 'contexts', 'meta', id, 'meta.json'), JSON.stringify(meta));
}

test('addresses are read as Docker reads them', () => {
  const tls = { verify: true };
  const cases: readonly [string, string][] = [
    ['unix:///run/d.sock', 'unix:///run/d.sock'],
    ['/run/d.sock', 'unix:///run/d.sock'],
    ['tcp://host:1234', 'tcp://host:1234'],
    ['tcp://host', 'tcp://host:2375'],
    ['host:99', 'tcp://host:99'],
    ['tcp://[::1]:2', 'tcp://[::1]:2'],
    ['ssh://me@host', 'ssh://me@host'],
    ['ssh://host:22/run/podman.sock', 'ssh://host:22/run/podman.sock'],
  ];
  for (const [text, expected] of cases) assert.equal(formatAddress(value(parseAddress(text))), expected);
  assert.equal(formatAddress(value(parseAddress('tcp://host', tls))), 'tcp://host:2376');
  for (const text of [
    '',
    'unix://relative',
    'npipe:////./pipe/x',
    'tcp://',
    'ssh://',
    'ssh://-oProxyCommand=x',
    'ssh://a:b@c',
    'tcp://a:b:c',
  ]) {
    const parsed = parseAddress(text);
    assert.equal(parsed.ok ? text : parsed.error.code, 'engine/docker-host');
  }
});

test('a named engine goes before one that is found, in the order of Docker itself', async (t) => {
  const folder = temporaryFolder(t);
  await using a = await fakeEngine({});
  await using b = await fakeEngine({});
  await using c = await fakeEngine({});
  const at = ({ socket }: FakeEngine): string => `unix://${socket}`;
  writeContext(folder, 'mine', at(c));
  assert.equal(await codeOf(folder, `docker:${at(a)}`, { host: at(b), context: 'mine' }), at(a));
  assert.equal(await codeOf(folder, 'docker', { host: at(b) }), at(b));
  assert.equal(await codeOf(folder, 'docker', { context: 'mine' }), at(c));
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ currentContext: 'mine' }));
  assert.equal(await codeOf(folder, 'docker'), at(c));
  assert.equal(
    await codeOf(folder, 'docker', { host: at(b) }),
    at(b),
    'DOCKER_HOST goes before the configuration',
  );
});

test('sockets are looked for where rootless engines put them', async (t) => {
  if (existsSync('/var/run/docker.sock')) return t.skip('this machine has an engine for all');
  for (const place of ['docker.sock', 'podman/podman.sock']) {
    const runtimeDir = temporaryFolder(t, 'rt-');
    await using engine = await fakeEngine({});
    mkdirSync(join(runtimeDir, place, '..'), { recursive: true });
    spawnSync('ln', ['-s', engine.socket, join(runtimeDir, place)]);
    assert.equal(await codeOf(runtimeDir, 'docker', { runtimeDir }), `unix://${join(runtimeDir, place)}`);
    const works = (await surveyEngines(dockerContext(runtimeDir, 'auto', { runtimeDir }))).filter(
      ({ state }) => state === 'works',
    );
    assert.equal(works.length, 1);
  }
});

test('an engine that is named and does not answer is an error, not a reason to take another', async (t) => {
  const folder = temporaryFolder(t);
  await using other = await fakeEngine({});
  const runtimeDir = temporaryFolder(t, 'rt-');
  spawnSync('ln', ['-s', other.socket, join(runtimeDir, 'docker.sock')]);
  const missing = `unix://${join(folder, 'nothing.sock')}`;
  assert.equal(await codeOf(folder, 'docker', { host: missing, runtimeDir }), 'engine/docker-not-running');
  assert.equal(await codeOf(folder, `docker:${missing}`, { runtimeDir }), 'engine/docker-not-running');
  assert.equal(await codeOf(folder, 'docker', { context: 'nobody', runtimeDir }), 'engine/docker-context');
  writeFileSync(join(folder, 'config.json'), '{ broken');
  assert.equal(await codeOf(folder, 'docker', { runtimeDir }), 'engine/docker-context');
  if (!existsSync('/var/run/docker.sock')) {
    assert.equal(
      await codeOf(folder, 'auto', { host: missing, runtimeDir }),
      `unix://${join(runtimeDir, 'docker.sock')}`,
    );
  }
});

test('a socket whose daemon has ended is reported as a daemon that is not running', async (t) => {
  const folder = temporaryFolder(t, 'st-');
  const socket = join(folder, 's');
  // A process that dies leaves its socket behind.
  const script = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.ok(existsSync(socket));
  assert.equal(await codeOf(folder, `docker:unix://${socket}`), 'engine/docker-not-running');
});

test('a socket without permission is a failure that says how to get it', {
  skip: process.getuid?.() === 0 ? false : 'needs root',
}, async (t) => {
  const folder = temporaryFolder(t, 'pm-');
  chmodSync(folder, 0o755);
  await using engine = await fakeEngine({});
  chmodSync(join(engine.socket, '..'), 0o755);
  chmodSync(engine.socket, 0o600);
  const script = `
    import { findEngine } from ${JSON.stringify(join(import.meta.dirname, '../../src/engine/docker/discovery.ts'))};
    const docker = { tlsVerify: false, certPath: '/', config: '/nonexistent', home: '/nonexistent' };
    const settings = { engine: ${JSON.stringify(`docker:unix://${engine.socket}`)}, docker };
    const found = await findEngine({ settings, emit() {}, signal: new AbortController().signal });
    process.stdout.write(JSON.stringify(found.error));`;
  const user = asOrdinaryUser(t);
  if (!user) return t.skip('this checkout may not be read by other users');
  const said = user.run(['--input-type=module-typescript', '-e', script]);
  const failure = JSON.parse(said) as { code: string; fix: string[] };
  assert.equal(failure.code, 'engine/docker-permission');
  assert.match(failure.fix.join('\n'), /usermod -aG docker[\s\S]*rootless[\s\S]*sudo/);
});

test('an engine that cannot be used is refused with the reason', async (t) => {
  const folder = temporaryFolder(t);
  const cases: readonly [Readonly<Record<string, unknown>>, string][] = [
    [{ 'GET /version': { ...VERSION, ApiVersion: '1.24' } }, 'engine/docker-api-too-old'],
    [{ 'GET /info': { OSType: 'linux', Architecture: 'pdp11' } }, 'engine/docker-architecture'],
    [{ 'GET /info': { OSType: 'windows', Architecture: 'pdp11' } }, 'engine/docker-system'],
    [{ 'GET /version': '<html>a login page</html>' }, 'engine/docker-no-api'],
    [{ 'GET /version': { Version: 'of something else' } }, 'engine/docker-no-api'],
  ];
  for (const [answers, code] of cases) {
    await using engine = await fakeEngine(answers);
    assert.equal(await codeOf(folder, `docker:unix://${engine.socket}`), code);
  }
});

test('the version of the API that is used is one that the engine has', async (t) => {
  const folder = temporaryFolder(t);
  for (const [api, oldest, escapeCommands] of [
    ['1.30', '1.12', 'v1.30'],
    ['1.52', '1.24', 'v1.41'],
    ['1.52', '1.44', 'v1.44'],
  ] as const) {
    let path = '';
    await using engine = await fakeEngine({
      'GET /version': { ...VERSION, ApiVersion: api, MinAPIVersion: oldest },
      'GET /volumes': (request: { url?: string }, response: { end(text: string): void }) => {
        path = request.url ?? '';
        response.end('{"Volumes":null}');
      },
    });
    const found = value(await findEngine(dockerContext(folder, `docker:unix://${engine.socket}`)));
    assert.deepEqual(await found.api.volumes.list(['x']), []);
    found[Symbol.dispose]();
    assert.equal(path.split('/')[1], escapeCommands);
  }
});

test('a TLS mismatch is reported, in both directions', async (t) => {
  const folder = temporaryFolder(t);
  const plain = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () =>
      socket.end('HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n'),
    );
  });
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  t.after(() => plain.close());
  const { port } = plain.address() as { port: number };
  const host = `tcp://127.0.0.1:${port}`;
  assert.equal(await codeOf(folder, 'docker', { host }), 'engine/docker-tls');
  assert.equal(await codeOf(folder, 'docker', { host, tlsVerify: true }), 'engine/docker-tls');
  mkdirSync(join(folder, 'ca.pem'));
  assert.equal(
    await codeOf(folder, 'docker', { host, tlsVerify: true, certPath: folder }),
    'engine/docker-tls',
  );
});

test('a host that nobody listens on is reported', async (t) => {
  const folder = temporaryFolder(t);
  assert.equal(await codeOf(folder, 'docker', { host: 'tcp://127.0.0.1:9' }), 'engine/docker-not-running');
  assert.equal(
    await codeOf(folder, 'docker', { host: 'tcp://no-such-host.invalid:2375' }),
    'engine/docker-unreachable',
  );
});

test("a remote engine is reached through the user's own ssh", async (t) => {
  const folder = temporaryFolder(t, 'ss-');
  await using engine = await fakeEngine({});
  // Stands in for ssh and for the far machine: notes what it was asked and joins its streams to the socket.
  const relay = `#!${process.execPath}
require('fs').writeFileSync(${JSON.stringify(join(folder, 'asked'))}, process.argv.slice(2).join(' '));
if (process.argv.includes('refused')) { console.error('Permission denied (publickey).'); process.exit(255); }
const socket = require('net').connect(${JSON.stringify(engine.socket)});
process.stdin.pipe(socket); socket.pipe(process.stdout); socket.on('close', () => process.exit(0));
`;
  writeFileSync(join(folder, 'ssh'), relay, { mode: 0o755 });
  const path = process.env.PATH;
  process.env.PATH = `${folder}:${path}`;
  t.after(() => {
    process.env.PATH = path;
  });
  assert.equal(await codeOf(folder, 'docker:ssh://me@far:2222'), 'ssh://me@far:2222');
  const asked = readFileSync(join(folder, 'asked'), 'utf8');
  assert.match(asked, /-o BatchMode=yes -l me -p 2222 -- far docker system dial-stdio$/);
  const found = await findEngine(dockerContext(folder, 'docker:ssh://refused'));
  assert.ok(!found.ok);
  assert.equal(found.error.code, 'engine/docker-ssh');
  assert.match((found.error.evidence ?? []).join('\n'), /Permission denied \(publickey\)/);
});

test('what is sent to an ssh that takes nothing any more fails with what it says at its end', async (t) => {
  const folder = temporaryFolder(t, 'ss-');
  const ssh = `#!/bin/sh
exec 0<&-
touch ${JSON.stringify(join(folder, 'closed'))}
while ! test -e ${JSON.stringify(join(folder, 'written'))}; do sleep 0.05; done
echo 'Permission denied (publickey).' >&2
exit 255
`;
  writeFileSync(join(folder, 'ssh'), ssh, { mode: 0o755 });
  const path = process.env.PATH;
  process.env.PATH = `${folder}:${path}`;
  t.after(() => {
    process.env.PATH = path;
  });
  const socket = new SshSocket({ kind: 'ssh', host: 'far' });
  const failed = once(socket, 'error');
  while (!existsSync(join(folder, 'closed'))) await setTimeout(20);
  socket.write('GET /_ping HTTP/1.1\r\n\r\n');
  await setTimeout(100);
  writeFileSync(join(folder, 'written'), '');
  const [error] = await failed;
  assert.ok(error instanceof SshError, String(error));
  assert.match(error.stderr, /Permission denied \(publickey\)/);
});
