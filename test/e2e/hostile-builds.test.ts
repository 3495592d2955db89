// What code of a project can reach while it is compiled, tested and run: docs/security.md has the table.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { hostileCrate } from '../support/hostile-crate.ts';

test('a build script, a macro, a wrapper, a test and a program reach nothing outside of their own build', async (t) => {
  const place = temporaryFolder(t, 'provision hostile ü ');
  const canary = join(place, 'canary');
  writeFileSync(canary, 'alive');
  const others = join(SHARED_STORE, 'volumes', 'target-of-another');
  mkdirSync(others, { recursive: true });
  const files = [canary, join(others, 'taken'), join(SHARED_STORE, 'trees', 'taken')];
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const victim = spawn('sleep', ['600'], { stdio: 'ignore' });
  t.after(() => victim.kill());
  const crate = join(place, 'crate');
  put(crate, hostileCrate({ files, port, process: victim.pid as number }));
  chmodSync(join(crate, 'wrapper'), 0o755);
  const main = readFileSync(join(crate, 'src/main.rs'), 'utf8');

  const ran = await provision(['run', '--engine', 'namespace'], {
    cwd: crate,
    store: SHARED_STORE,
    env: { CARGO_REGISTRIES_OWN_TOKEN: 'not-for-builds' },
  });

  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  const logs = join(crate, 'artifacts/aarch64/logs');
  const said = ['build.log', 'cargo-test.log'].map((name) => readFileSync(join(logs, name), 'utf8')).join('');
  // All of them tried, the program too: the recipe has its words.
  for (const who of ['build.rs', 'macro', 'wrapper', 'test']) {
    assert.match(said, new RegExp(`tried by ${who}: nothing reached`), who);
  }
  assert.doesNotMatch(said, /tried by [\w.]+: (?!nothing reached)/);
  assert.equal(readFileSync(canary, 'utf8'), 'alive');
  assert.equal(readFileSync(join(crate, 'src/main.rs'), 'utf8'), main);
  assert.deepEqual(readdirSync(others), []);
  assert.equal(existsSync(join(SHARED_STORE, 'trees', 'taken')), false);
  assert.equal(connections, 0);
  assert.equal(victim.exitCode ?? victim.signalCode, null);
});
