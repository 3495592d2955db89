// The port's promises, kept by Docker's daemon and Podman's service.
import { describe } from 'node:test';
import { type Allowances, type ContractBench, engineContract } from '../engine/contract.ts';
import { makeDockerBench, probe, removeDockerBench, storedTree } from '../support/docker-bench.ts';
import { thingsIn } from '../support/docker-things.ts';
import { engineMissing, type Product, startEngine, type TestEngine } from '../support/dockerd.ts';
import { value } from '../support/sandboxes.ts';

/** Of links that lead nowhere the API itself makes an error. */
const COPY_REFUSALS = ['engine/cannot-copy', 'engine/docker-refused'];

const ALLOWANCES: Readonly<Record<Product, Allowances>> = {
  dockerd: {
    variables: ['HOME'],
    inRun: [],
    ambiguousStatuses: [],
    diskLimit: true,
    copyRefusals: COPY_REFUSALS,
    linksBetweenMounts: true,
  },
  podman: {
    variables: ['HOME', 'HOSTNAME', 'TERM', 'container'],
    inRun: ['.containerenv', 'podman-init', 'secrets'],
    // Its process 1 cannot tell them from signals.
    ambiguousStatuses: [130, 139, 141],
    diskLimit: false,
    copyRefusals: COPY_REFUSALS,
    // It resolves each link inside the one volume.
    linksBetweenMounts: false,
  },
};

for (const product of ['dockerd', 'podman'] satisfies Product[]) {
  const missing = engineMissing(product);
  describe(product, { skip: missing ?? false }, () => {
    let under: TestEngine;
    const open = async (): Promise<ContractBench> => {
      under = await startEngine(product);
      const bench = await makeDockerBench(under);
      return {
        ...bench,
        tree: (name, fill) => storedTree(bench.store, name, async (root) => fill(root)),
        anotherRun: async () => {
          const { engine, context } = value(await probe(under, bench.folder, bench.store));
          return { engine, abort: () => context.abort() };
        },
        leftovers: async () => {
          const { containers, volumes } = await thingsIn(under.socket);
          return [...containers, ...volumes.filter((name) => name.includes('scratch'))];
        },
      };
    };
    const close = async (bench: ContractBench): Promise<void> => {
      await removeDockerBench(bench);
      await under.remove();
    };
    engineContract(open, close, ALLOWANCES[product]);
  });
}
