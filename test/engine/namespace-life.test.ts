import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { openStore } from '../../src/store/open.ts';
import {
  answerIn,
  type Bench,
  makeBench,
  mounters,
  programCommand,
  removeBench,
  sleepers,
  until,
  value,
} from '../support/sandboxes.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => removeBench(bench));

/** Starts a program of its own whose sandbox runs two sleepers, one of them left to itself. */
async function startSleepers(): Promise<{ child: ChildProcess; output: () => string }> {
  const script = `(trap '' INT TERM HUP; sleep ${bench.seconds}1 &) ; sleep ${bench.seconds}2`;
  const [file, ...args] = programCommand(bench, { spec: {}, command: { argv: ['sh', '-c', script] } });
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const chunks: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
  await until(
    'both are asleep',
    () => sleepers(bench, '1').length === 1 && sleepers(bench, '2').length === 1,
  );
  return { child, output: () => Buffer.concat(chunks).toString('utf8') };
}

function nothingLeft(): boolean {
  return sleepers(bench).length === 0 && mounters(bench).length === 0;
}

test('the death of our process, however it comes, ends everything in its sandboxes', async () => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const { child } = await startSleepers();
    child.kill(signal);
    await until(`nothing is left after ${signal}`, () => nothingLeft());
  }
});

test('what a killed process leaves on disk is swept by the next one that opens the store', async () => {
  const { child } = await startSleepers();
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  await until('nothing is left', () => nothingLeft());
  const left = () => readdirSync(bench.scratch).filter((name) => name.includes('.sandbox-'));
  assert.ok(left().length > 0);
  const store = value(await openStore(bench.folder));
  value(await store.settled());
  assert.deepEqual(left(), []);
});

test('Ctrl-C for the whole group of the terminal ends the sandbox through us, and leaves nothing', async () => {
  const before = readdirSync(bench.scratch);
  const { child, output } = await startSleepers();
  const ended = new Promise((resolve) => child.once('close', resolve));
  // The group of our process, as a terminal does it; the sandbox is not in it.
  process.kill(-(child.pid as number), 'SIGINT');
  await ended;
  assert.match(output(), /^interrupted\n/);
  assert.equal(answerIn(output()).failure?.code, 'interrupted/signal');
  assert.ok(nothingLeft());
  assert.deepEqual(readdirSync(bench.scratch), before);
});
