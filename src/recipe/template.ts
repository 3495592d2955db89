import { distribution } from '../distro/distribution.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import { combineFailures } from './combine-failures.ts';
import type { DocumentPath, YamlDocument } from './document.ts';
import { list } from './message-text.ts';

/** Name → what stands for `{name}` in the text of a definition. */
export type Variables = Readonly<Record<string, string>>;

/** Variables that describe the platform a definition is read for. */
export function targetVariables(target: Target): Variables {
  return {
    target: target.name,
    triple: target.rustTriple,
    'clang-triple': target.clangTriple,
    multiarch: target.multiarch,
    'debian-arch': distribution.architectureOf(target),
    machine: target.machine,
    // Names of packages have no underscores.
    'package-machine': target.machine.replaceAll('_', '-'),
    ...defined({ 'linux-arch': target.linuxArch }),
  };
}

/** Variables that describe the Python. */
export function pythonVariables(python: {
  readonly word: string;
  readonly suite: string;
  readonly t64: boolean;
}): Variables {
  return { python: python.word, suite: python.suite, t64: python.t64 ? 't64' : '' };
}

/** A document with every `{name}` in its text filled in, keys included. Fails at each unknown name. */
export function expand(document: YamlDocument, variables: Variables): Result<YamlDocument> {
  const failures: Failure[] = [];
  const inText = (text: string, path: DocumentPath, part: 'key' | 'value'): string =>
    text.replaceAll(/\{([a-z][a-z0-9]*(?:-[a-z]+)*)\}/g, (whole, name: string) => {
      const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
      if (value === undefined) failures.push(unknownVariable(name, variables, document, path, part));
      return value ?? whole;
    });
  const twice = (key: string, path: DocumentPath): void => {
    failures.push({
      code: 'recipe/duplicate-key',
      what: `\`${key}\` is given twice once its names are filled in.`,
      fix: ['Remove one of the two.'],
      at: document.locate(path, 'key'),
    });
  };
  const value = walk(document.value, [], inText, twice);
  const failure = combineFailures(failures);
  return failure === undefined ? ok({ ...document, value }) : err(failure);
}

type InText = (text: string, path: DocumentPath, part: 'key' | 'value') => string;

function walk(
  value: unknown,
  path: DocumentPath,
  inText: InText,
  twice: (key: string, path: DocumentPath) => void,
): unknown {
  if (typeof value === 'string') return inText(value, path, 'value');
  if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index], inText, twice));
  if (typeof value !== 'object' || value === null) return value;
  const entries = new Map<string, unknown>();
  for (const [key, below] of Object.entries(value)) {
    const at = [...path, key];
    const filled = inText(key, at, 'key');
    if (entries.has(filled)) twice(filled, at);
    entries.set(filled, walk(below, at, inText, twice));
  }
  return Object.fromEntries(entries);
}

function unknownVariable(
  name: string,
  variables: Variables,
  document: YamlDocument,
  path: DocumentPath,
  part: 'key' | 'value',
): Failure {
  return {
    code: 'recipe/unknown-variable',
    what: `\`{${name}}\` is not a variable here.`,
    fix: [`Write one of ${list(Object.keys(variables).map((known) => `{${known}}`))}.`],
    at: document.locate(path, part),
  };
}
