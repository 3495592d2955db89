import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';

export type BuildVariables = Readonly<Record<string, string | number>>;

/**
 * Reads CPython's `_sysconfigdata_*.py`: one assignment `build_time_vars = {…}` of string keys to string and integer
 * literals, written by `pprint` (CPython's Lib/sysconfig, `_generate_posix_vars`). Adjacent strings are one string.
 * No Python is needed for it.
 */
export function parseSysconfigdata(text: string, file: string): Result<BuildVariables> {
  const tokens = tokenize(text);
  const start = tokens.findIndex((token, i) => token.kind === 'name' && tokens[i + 1]?.text === '=');
  if (start < 0 || tokens[start + 2]?.text !== '{')
    return err(malformed(file, 'no `build_time_vars = {` was found'));
  const variables: Record<string, string | number> = {};
  let at = start + 3;
  while (tokens[at]?.text !== '}') {
    const key = readString(tokens, at);
    if (key === undefined)
      return err(malformed(file, `a key was expected before "${tokens[at]?.text ?? 'end of file'}"`));
    if (tokens[key.next]?.text !== ':') return err(malformed(file, `":" was expected after '${key.value}'`));
    const value = readValue(tokens, key.next + 1);
    if (value === undefined)
      return err(malformed(file, `the value of '${key.value}' is neither text nor an integer`));
    variables[key.value] = value.value;
    at = tokens[value.next]?.text === ',' ? value.next + 1 : value.next;
  }
  return ok(variables);
}

interface Token {
  readonly kind: 'string' | 'number' | 'name' | 'mark';
  readonly text: string;
}

function tokenize(text: string): readonly Token[] {
  const pattern = /#[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|-?\d+|[A-Za-z_]\w*|[{}:,=()]/g;
  const tokens: Token[] = [];
  for (const [match] of text.matchAll(pattern)) {
    if (match.startsWith('#')) continue;
    if (match.startsWith("'") || match.startsWith('"'))
      tokens.push({ kind: 'string', text: unescapeText(match.slice(1, -1)) });
    else if (/^-?\d/.test(match)) tokens.push({ kind: 'number', text: match });
    else if (/^\w/.test(match)) tokens.push({ kind: 'name', text: match });
    else tokens.push({ kind: 'mark', text: match });
  }
  return tokens;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\n': '' };

function unescapeText(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|[\s\S])/g, (_, code: string) =>
    code.length === 3 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? code),
  );
}

function readString(tokens: readonly Token[], at: number): { value: string; next: number } | undefined {
  let next = at;
  let value = '';
  for (let token = tokens[next]; token?.kind === 'string'; token = tokens[next]) {
    value += token.text;
    next += 1;
  }
  return next === at ? undefined : { value, next };
}

function readValue(
  tokens: readonly Token[],
  at: number,
): { value: string | number; next: number } | undefined {
  const token = tokens[at];
  if (token?.kind === 'number') return { value: Number(token.text), next: at + 1 };
  // pprint wraps a long string in parentheses.
  if (token?.text === '(' && token.kind === 'mark') {
    const inner = readString(tokens, at + 1);
    return inner === undefined || tokens[inner.next]?.text !== ')'
      ? undefined
      : { value: inner.value, next: inner.next + 1 };
  }
  return readString(tokens, at);
}

function malformed(file: string, why: string): Failure {
  return {
    code: 'build/sysconfigdata-malformed',
    what: `The build description of CPython in ${file} could not be read.`,
    why,
    fix: ['Check that the sysroot holds an unmodified CPython; run `provision clean --all` and try again.'],
  };
}
