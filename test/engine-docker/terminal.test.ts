// `provision shell` in a container: the terminal is the program's, and ours again afterwards.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type DockerBench, makeDockerBench, removeDockerBench } from '../support/docker-bench.ts';
import { engineMissing, type Product, startEngine } from '../support/dockerd.ts';
import { quoted } from '../support/sandboxes.ts';
import { CTRL_C, NO_TERMINAL, onTerminal, type Terminal } from '../support/terminal.ts';

const PROGRAM = join(import.meta.dirname, '../support/docker-program.ts');

for (const product of ['dockerd', 'podman'] satisfies Product[]) {
  const missing = engineMissing(product);
  describe(product, { skip: NO_TERMINAL || (missing ?? false) }, () => suite(product));
}

function suite(product: Product): void {
  let bench: DockerBench;
  before(async () => {
    bench = await makeDockerBench(await startEngine(product));
  });
  after(async () => {
    await removeDockerBench(bench);
    await bench.under.remove();
  });

  const inContainer = (argv: readonly string[], more = ''): Terminal => {
    const { folder, rootfs, under } = bench;
    const env = { PS1: 'in> ', TERM: 'dumb' };
    const request = { socket: under.socket, folder, rootfs, argv, env, inherit: true };
    return onTerminal(
      `${[process.execPath, PROGRAM, JSON.stringify(request)].map(quoted).join(' ')}; ${more}`,
    );
  };

  test('a shell owns the terminal: its size, and Ctrl-C for what runs in it', async () => {
    const terminal = inContainer(['bash', '--norc', '-i']);
    await terminal.shows('in> ');
    terminal.type('until [ "$(stty size)" = "33 77" ]; do sleep 0.1; done; echo si""zed\n');
    await terminal.shows('sized');
    terminal.type('echo start; sleep 100\n');
    await terminal.shows('start');
    terminal.type(CTRL_C);
    terminal.type('echo status=$?.\n');
    await terminal.shows('status=130.');
    terminal.type('exit 3\n');
    assert.match(await terminal.ended, /\{"status":3\}/);
  });

  test('the terminal is ours again afterwards', async () => {
    const terminal = inContainer(
      ['sh', '-c', 'read -r line; echo "got $line"'],
      'read -r after; echo "back $after"',
    );
    terminal.type('one\n');
    await terminal.shows('got one');
    await terminal.shows('{"status":0}');
    terminal.type('words\n');
    await terminal.shows('back words');
    await terminal.ended;
  });
}
