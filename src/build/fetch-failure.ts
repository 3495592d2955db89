import type { Failure } from '../failure.ts';

export function explainFetch(failure: Failure): Failure {
  return failure;
}
