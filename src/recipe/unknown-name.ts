import { closest } from '../domain/closest.ts';
import type { Failure } from '../failure.ts';
import type { DocumentPath, YamlDocument } from './document.ts';
import { list } from './message-text.ts';

const NOUNS = {
  target: 'target',
  sysroot: 'sysroot',
  python: 'Python',
  toolchain: 'toolchain image',
  variant: 'variant',
  system: 'system',
} as const;

/** A key that names something unknown. */
export function unknown(
  key: keyof typeof NOUNS,
  name: string,
  known: readonly string[],
  document: YamlDocument,
  at: DocumentPath,
  part: 'key' | 'value' = 'value',
): Failure {
  const meant = closest(name, known);
  return {
    code: `recipe/unknown-${key}`,
    what: `There is no ${NOUNS[key]} \`${name}\`.`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean \`${meant}\`?`]),
      `There are: ${list(known) || 'none'}.`,
    ],
    at: document.locate(at, part),
  };
}
