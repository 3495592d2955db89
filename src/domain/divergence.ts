/**
 * How a run on another implementation of Python differs from the reference. `text`: but for the text of tracebacks, messages and
 * representations both are equal. `lacks-module`: a module that the reference has is not there. `crashes`: the interpreter itself
 * failed. `hangs`: it had to be stopped.
 */
export type DivergenceKind = 'text' | 'differs' | 'lacks-module' | 'crashes' | 'hangs';

export interface Divergence {
  readonly kind: DivergenceKind;
  /** Why: those that its file knows, in the order of that file; none: nothing there fits. */
  readonly causes: readonly DivergenceCause[];
}

export interface DivergenceCause {
  /** Of the rule, or what is the same for all of the kind: `panic`, `signal`, `module`, `time-limit`. */
  readonly id: string;
  /** One sentence without a full stop. */
  readonly what: string;
  /** The line by which it was recognised. */
  readonly line?: string;
}

/** `pythons/<python>/causes.yaml`. Patterns are regular expressions with the flags `m` and `u`. */
export interface DivergenceRules {
  /** What the interpreter prints on standard error where it fails itself; a group may hold the reason. */
  readonly crash: readonly string[];
  /** What a program prints that misses a module; the first group is its name. */
  readonly module: readonly string[];
  /** What is replaced in both outputs before they are compared once more. */
  readonly text: readonly TextRule[];
  readonly causes: readonly CauseRule[];
}

export interface TextRule {
  readonly id: string;
  readonly what: string;
  readonly pattern: string;
  /** What stands in its place, as `String.prototype.replace` takes it. */
  readonly with: string;
}

export interface CauseRule {
  readonly id: string;
  readonly what: string;
  /** Each is tried on the lines that one side has and the other has not: those of the reference begin with `-`, the others with `+`. */
  readonly when: readonly string[];
  /** A module that is missed for this cause is there, and is missed for another reason. */
  readonly moduleIsThere?: true;
}
