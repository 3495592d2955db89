import type { Failure } from '../failure.ts';

/** Why one attempt to read a file from one mirror gave no whole file. */
export type Problem =
  /** 404 or 410: this mirror does not have it. */
  | { readonly kind: 'absent'; readonly detail: string }
  /** Another answer that will be the same next time. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** 429 or 5xx. */
  | { readonly kind: 'busy'; readonly detail: string; readonly retryAfterMs?: number }
  /** No connection, or none that is trusted; `certificate`: what is wrong with that of the other side. */
  | { readonly kind: 'connection'; readonly detail: string; readonly certificate?: CertificateProblem }
  /** It ended, or stood still, before the last byte. */
  | { readonly kind: 'cut-off'; readonly detail: string }
  /** Whole, and not what the lock names. `resumed`: the first bytes were from an earlier attempt. */
  | { readonly kind: 'wrong-bytes'; readonly detail: string; readonly resumed: boolean }
  /** Ours, not the mirror's: disk, interrupt. */
  | { readonly kind: 'own'; readonly failure: Failure };

/** It is for another name, not valid at this time, or not trusted for another reason. */
export type CertificateProblem = 'name' | 'time' | 'trust';

/** Whether the same mirror may well do better next time. */
export function isPassing(problem: Problem): boolean {
  switch (problem.kind) {
    case 'busy':
    case 'cut-off':
      return true;
    case 'connection':
      return problem.certificate === undefined;
    case 'wrong-bytes':
      return problem.resumed;
    default:
      return false;
  }
}
