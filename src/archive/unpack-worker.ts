import { parentPort, workerData } from 'node:worker_threads';
import { compileExcludes } from './exclude.ts';
import { Folders } from './folders.ts';
import { Budget } from './limits.ts';
import { unpackTar } from './unpack-tar.ts';
import type { Answer, LocatedPackage, Order, ThreadSetup } from './unpack-thread.ts';

/** The program of one thread of the pool in unpack.ts: unpacks one package after the other. */
const setup = workerData as ThreadSetup;
const folders = new Folders(setup.root);
const excludes = compileExcludes(setup.layout, setup.exclude);
const budget = new Budget(setup.limits, setup.counters);
const stop = new AbortController();

parentPort?.on('message', (order: Order) => {
  if (order.type === 'stop') stop.abort();
  else void unpack(order.package);
});

async function unpack({ name: archive, content }: LocatedPackage): Promise<void> {
  const options = { archive, folders, excludes, budget, sideFolder: setup.sideFolder };
  const unpacked = await unpackTar(content, options, stop.signal);
  const answer: Answer = unpacked.ok
    ? { ok: true, value: { unpacked: unpacked.value, made: folders.takeMade() } }
    : unpacked;
  parentPort?.postMessage(answer);
}
