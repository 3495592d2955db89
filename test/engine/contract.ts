// The observable promises of the port `src/engine/engine.ts`, as a suite that every engine has to pass.
import { after, before } from 'node:test';
import type { Engine } from '../../src/engine/engine.ts';
import type { EngineBench } from '../support/sandboxes.ts';
import { commandContract } from './contract-commands.ts';
import { emulationContract } from './contract-emulation.ts';
import { copyContract, mountContract } from './contract-files.ts';
import { isolationContract } from './contract-isolation.ts';
import { sourcesContract } from './contract-sources.ts';

export interface ContractBench extends EngineBench {
  /** Makes an immutable tree, as the stages make them. */
  tree(name: string, fill: (root: string) => void): Promise<string>;
  /** The same engine as a run of its own, which can be interrupted. */
  anotherRun(): Promise<{ readonly engine: Engine; abort(): void }>;
  /** What is there of sandboxes: nothing when all are closed. */
  leftovers(): Promise<readonly string[]>;
}

/** What an engine cannot be kept from doing. */
export interface Allowances {
  /** Variables that it adds to every environment. */
  readonly variables: readonly string[];
  /** Its own files in `/run`. */
  readonly inRun: readonly string[];
  /** Exit statuses that it cannot tell from signals. */
  readonly ambiguousStatuses: readonly number[];
  /** Codes of failures with which it refuses a copy. */
  readonly copyRefusals: readonly string[];
  /** Whether it holds to a limit on the disk. */
  readonly diskLimit: boolean;
  /** Whether a link from one scratch folder or volume into another is followed when files are copied out. */
  readonly linksBetweenMounts: boolean;
}

/** Declares the suite for one engine. */
export function engineContract(
  open: () => Promise<ContractBench>,
  close: (bench: ContractBench) => Promise<void>,
  allowances: Allowances,
): void {
  let bench: ContractBench;
  before(async () => {
    bench = await open();
  });
  after(() => close(bench));
  const current = (): ContractBench => bench;
  commandContract(current, allowances);
  isolationContract(current, allowances);
  mountContract(current);
  copyContract(current, allowances);
  sourcesContract(current);
  emulationContract(current);
}
