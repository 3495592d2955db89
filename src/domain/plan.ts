import type { Resolved } from './definitions.ts';
import type { RuntimeKind } from './ids.ts';

export interface PlannedStage {
  readonly stage: string;
  /** One sentence for the user. */
  readonly does: string;
  readonly inputs: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/** What a run will do: pure, printed by `provision plan`. */
export interface Plan extends Resolved {
  readonly runtime: RuntimeKind;
  readonly stages: readonly PlannedStage[];
}
