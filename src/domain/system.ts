import type { SourcePosition } from '../failure.ts';
import type { DefinitionFile } from './definitions.ts';
import type { TreeDefinition } from './packages.ts';

/** `systems/<name>.yaml` for one architecture: a system whose root the samples are run in. */
export interface SystemDefinition {
  readonly kind: 'system';
  readonly name: string;
  readonly description: string;
  /** Of its packages; empty where it has none. */
  readonly suite: string;
  /** Version of its glibc, e.g. `2.36`; absent: programs bring their C library. */
  readonly glibc?: string;
  /** Its root; its name in the lock is `rootfs`. */
  readonly rootfs: TreeDefinition;
}

/** A system that the samples of a recipe run on beside the one whose C library the bundle is linked with. */
export interface ChosenSystem {
  readonly definition: SystemDefinition;
  /** Absent: it has no packages, and no lock. */
  readonly file?: DefinitionFile;
  /** Where the recipe names it; absent: it is one of the defaults. */
  readonly at?: SourcePosition;
}

/** What reports state of a system. */
export interface SystemFacts {
  readonly name: string;
  readonly description: string;
  readonly glibc?: string;
}
