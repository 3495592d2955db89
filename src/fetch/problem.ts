import type { Failure } from '../failure.ts';

/** Why one attempt to read a file from one mirror gave no whole file. */
export type Problem =
  /** 404 or 410: this mirror does not have it. */
  | { readonly kind: 'absent'; readonly detail: string }
  /** Another answer that will be the same next time. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** 429 or 5xx. */
  | { readonly kind: 'busy'; readonly detail: string; readonly retryAfterMs?: number }
  /** No connection, or none that is trusted. */
  | { readonly kind: 'connection'; readonly detail: string; readonly final: boolean }
  /** It ended, or stood still, before the last byte. */
  | { readonly kind: 'cut-off'; readonly detail: string }
  /** Whole, and not what the lock names. `resumed`: the first bytes were from an earlier attempt. */
  | { readonly kind: 'wrong-bytes'; readonly detail: string; readonly resumed: boolean }
  /** Ours, not the mirror's: disk, interrupt. */
  | { readonly kind: 'own'; readonly failure: Failure };

/** Whether the same mirror may well do better next time. */
export function isPassing(problem: Problem): boolean {
  switch (problem.kind) {
    case 'busy':
    case 'cut-off':
      return true;
    case 'connection':
      return !problem.final;
    case 'wrong-bytes':
      return problem.resumed;
    default:
      return false;
  }
}
