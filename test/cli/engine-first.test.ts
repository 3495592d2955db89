// A machine without an engine is told so before anything is fetched, and why in its own words.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import { PACKAGED_AARCH64, temporaryFolder } from '../support/cli.ts';
import { type Outcome, runHostile } from '../support/hostile.ts';

/** A mirror that has nothing and counts what it is asked for. */
async function mirror(t: TestContext): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** As an ordinary user without powers, in whose user namespace a limit is set. */
function limited(limit: string): string {
  const powerless = 'setpriv --bounding-set=-all,+setfcap --inh-caps=-all --ambient-caps=-all --';
  return `exec unshare --user --map-root-user -- sh -euc 'echo 0 >/proc/sys/user/${limit}; exec ${powerless} "$@"' sh $P`;
}

async function withoutEngine(
  t: TestContext,
  args: readonly string[],
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome & { readonly cwd: string }> {
  const { url, asked } = await mirror(t);
  const cwd = temporaryFolder(t);
  const run = await runHostile(args, { script, env: { PROVISION_DEBIAN_MIRROR: url, ...env } }, cwd);
  assert.equal(run.status, 5, JSON.stringify(run));
  assert.deepEqual(asked, [], 'nothing is asked of a mirror');
  for (const folder of ['blobs/sha256', 'partial', 'trees'])
    assert.deepEqual(readdirSync(join(cwd, 'store', folder)), [], folder);
  // The catalogue knows what other tools print; "No space left on device" is how the kernel refuses a namespace.
  assert.doesNotMatch(run.stderr, /provision clean|no-space|A build for a new target needs/);
  return { ...run, cwd };
}

test('user namespaces forbidden by their limit: cause and cure, in terminal, report and blocker', async (t) => {
  const run = await withoutEngine(t, ['aarch64'], limited('max_user_namespaces'));
  assert.match(run.stderr, /error\[engine\/namespaces-forbidden\]/);
  assert.match(run.stderr, /user\.max_user_namespaces = 0/);
  assert.match(run.stderr.replaceAll(/\s+/g, ' '), /sudo sysctl -w user\.max_user_namespaces=\d+/);
  const artifacts = join(run.cwd, 'artifacts', 'aarch64');
  const report = JSON.parse(readFileSync(join(artifacts, 'report.json'), 'utf8')) as Report;
  assert.deepEqual(
    report.blockers.map(({ code }) => code),
    ['engine-namespaces-forbidden'],
  );
  assert.ok(existsSync(join(artifacts, 'blockers', 'engine-namespaces-forbidden.log')));
});

test('the commands that run something try the engine first as well', async (t) => {
  for (const args of [
    ['exec', 'aarch64', '--', 'true'],
    ['probe', 'aarch64', '--ladder'],
    ['conformance', 'aarch64'],
  ])
    await withoutEngine(t, args, limited('max_user_namespaces'));
});

test('doctor: no engine works, and why', async (t) => {
  const run = await withoutEngine(t, ['doctor'], limited('max_user_namespaces'), {
    DOCKER_HOST: 'unix:///proc/none/docker.sock',
  });
  assert.match(run.stderr, /error\[engine\/none-works\]/);
  assert.match(run.stdout.replaceAll(/\s+/g, ' '), /sudo sysctl -w user\.max_user_namespaces=\d+/);
});

test('another limit, and root of a container without powers, are told apart', async (t) => {
  const network = await withoutEngine(t, ['aarch64'], limited('max_net_namespaces'));
  assert.match(network.stderr, /user\.max_net_namespaces = 0/);
  assert.doesNotMatch(network.stderr, /user\.max_user_namespaces = 0/);
});

test('a Docker engine that is down: told as that, and nothing is fetched', async (t) => {
  const run = await withoutEngine(t, ['aarch64'], '$P', {
    PROVISION_ENGINE: 'docker',
    DOCKER_HOST: 'unix:///proc/none/docker.sock',
  });
  assert.match(run.stderr, /error\[engine\//);
  assert.match(run.stderr, /docker/i);
  assert.doesNotMatch(run.stderr, /namespaces/);
});

test('what only prints the environment of a packaged sysroot needs no engine', async (t) => {
  const cwd = temporaryFolder(t);
  const run = await runHostile(
    ['env', PACKAGED_AARCH64, '--offline'],
    { script: limited('max_user_namespaces') },
    cwd,
  );
  assert.equal(run.status, 4, JSON.stringify(run));
  assert.match(run.stderr, /fetch\/offline/);
});
