// What an engine says when it takes in an image. It answers 200 before it knows how it will end.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext as Running, test } from 'node:test';
import { probeDockerEngine } from '../../src/engine/docker/docker.ts';
import { readEvents } from '../../src/engine/docker/events.ts';
import type { Failure } from '../../src/failure.ts';
import { temporaryFolder } from '../support/cli.ts';
import { dockerContext, fakeEngine, storeIn } from '../support/fake-docker.ts';
import { value } from '../support/sandboxes.ts';

const NOTHING = { 'GET /containers/json': [], 'GET /volumes': { Volumes: [] }, 'GET /images/json': [] };

function importing(lines: readonly string[]) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    request.resume();
    request.once('end', () => response.writeHead(200).end(lines.join('\n')));
  };
}

async function openOn(t: Running, answers: Readonly<Record<string, unknown>>): Promise<Failure> {
  const folder = temporaryFolder(t);
  const rootfs = join(folder, 'rootfs');
  mkdirSync(rootfs);
  writeFileSync(join(rootfs, 'file'), 'x'.repeat(100_000));
  await using engine = await fakeEngine({ ...NOTHING, ...answers });
  const context = dockerContext(folder, `docker:unix://${engine.socket}`);
  const docker = value(await probeDockerEngine(context, { store: await storeIn(folder) }));
  const opened = await docker.open({ rootfs, mounts: [], network: 'none' });
  await docker.close?.();
  assert.ok(!opened.ok);
  return opened.error;
}

test('an error reported in an answer of status 200 is a failure', async (t) => {
  const failure = await openOn(t, {
    'POST /images/create': importing([
      '{"status":"Importing"}',
      '{"errorDetail":{"message":"archive/tar: invalid tar header"},"error":"archive/tar: invalid tar header"}',
    ]),
  });
  assert.equal(failure.code, 'engine/docker-refused');
  assert.deepEqual(failure.evidence, ['archive/tar: invalid tar header']);
});

test('a full disk of the engine is reported as such', async (t) => {
  const failure = await openOn(t, {
    'POST /images/create': importing(['{"errorDetail":{"message":"write /usr/x: no space left on device"}}']),
  });
  assert.equal(failure.code, 'engine/docker-no-space');
  assert.match(failure.fix.join(), /docker system df/);
});

test('an image that is not what was sent is refused and removed', async (t) => {
  const id = `sha256:${'1'.repeat(64)}`;
  let removed = false;
  const failure = await openOn(t, {
    'POST /images/create': importing([`{"status":"${id}"}`]),
    [`GET /images/${id}/json`]: { Id: id, RootFS: { Layers: [`sha256:${'2'.repeat(64)}`] } },
    [`DELETE /images/${id}`]: (_: IncomingMessage, response: ServerResponse) => {
      removed = true;
      response.end('[]');
    },
  });
  assert.equal(failure.code, 'engine/docker-image-differs');
  assert.ok(removed);
});

test('an engine that breaks off in the middle is reported as lost', async (t) => {
  const failure = await openOn(t, {
    'POST /images/create': (request: IncomingMessage) => request.socket.destroy(),
  });
  assert.equal(failure.code, 'engine/docker-lost');
});

test('events are read whole, however they are cut', async () => {
  const text = '{"status":"a"}\r\n\n{"status":"sha256:1"}\n';
  for (const size of [1, 3, 1000]) {
    const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
      Buffer.from(text.slice(i * size, (i + 1) * size)),
    );
    assert.deepEqual(await readEvents(Readable.from(pieces)), { ok: true, value: 'sha256:1' });
  }
  const cases: readonly [string, RegExp][] = [
    ['', /without saying/],
    ['{"error":"short"}', /^short$/],
    ['<html>not json</html>', /not json/],
    ['null\n', /null/],
    [
      '{"errorDetail":{"message":"first"}}\n{"status":"later"}\n{"errorDetail":{"message":"second"}}',
      /^first$/,
    ],
  ];
  for (const [answer, expected] of cases) {
    const read = await readEvents(Readable.from([Buffer.from(answer)]));
    assert.match(read.ok ? 'ok' : read.error, expected);
  }
});
