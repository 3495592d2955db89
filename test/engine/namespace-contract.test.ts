import { readdirSync } from 'node:fs';
import { makeBench, mounters, probeEngine, removeBench, value } from '../support/sandboxes.ts';
import { type ContractBench, engineContract } from './contract.ts';

async function open(): Promise<ContractBench> {
  const bench = await makeBench();
  return {
    ...bench,
    tree: async (name, fill) => {
      const folder = bench.make(`trees/${name}`);
      fill(folder);
      return folder;
    },
    anotherRun: async () => {
      const controller = new AbortController();
      const engine = value(await probeEngine(bench.folder, controller.signal));
      return { engine, abort: () => controller.abort() };
    },
    leftovers: async () => [...readdirSync(bench.scratch), ...mounters(bench).map((pid) => `process ${pid}`)],
  };
}

engineContract(open, async (bench) => removeBench(bench), {
  variables: [],
  inRun: [],
  ambiguousStatuses: [],
  diskLimit: true,
  copyRefusals: ['engine/cannot-copy'],
  linksBetweenMounts: true,
});
