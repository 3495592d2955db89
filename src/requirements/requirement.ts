import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { type Marker, type Mistake, normalizedName, parseMarker } from './marker.ts';
import { parseVersion } from './version.ts';

/** A dependency specifier (PEP 508). */
export interface Requirement {
  /** Normalized. */
  readonly name: string;
  readonly extras: readonly string[];
  /** e.g. `>=1.2,<2`; empty: any. */
  readonly specifier: string;
  /** The version of `==` without a wildcard. */
  readonly version?: string;
  /** What follows `@`: an address, or a path. */
  readonly address?: string;
  readonly marker?: Marker;
  /** The marker as it is written. */
  readonly markerText?: string;
}

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?/;
const CLAUSE = /^(===|==|~=|!=|<=|>=|<|>)\s*([^\s,;()]+)$/;

/** Reads one specifier; offsets of a mistake count from the beginning of `text`. */
export function parseRequirement(text: string): Result<Requirement, Mistake> {
  const lead = text.length - text.trimStart().length;
  const found = NAME.exec(text.slice(lead));
  if (found === null) return err({ offset: lead, message: 'expected the name of a package' });
  const name = found[0];
  let at = lead + name.length;
  const extras = readExtras(text, at);
  if (!extras.ok) return extras;
  at = extras.value.end;
  const address = /^\s*@\s*(\S+)/.exec(text.slice(at));
  if (address !== null) {
    const end = at + address[0].length;
    const marker = readMarker(text, end);
    if (!marker.ok) return marker;
    return ok({
      name: normalizedName(name),
      extras: extras.value.names,
      specifier: '',
      ...defined({ address: address[1] }),
      ...marker.value,
    });
  }
  const semicolon = text.indexOf(';', at);
  const end = semicolon === -1 ? text.length : semicolon;
  const specifier = readSpecifier(text, at, end);
  if (!specifier.ok) return specifier;
  const marker = readMarker(text, end);
  if (!marker.ok) return marker;
  return ok({
    name: normalizedName(name),
    extras: extras.value.names,
    ...specifier.value,
    ...marker.value,
  });
}

function readExtras(
  text: string,
  at: number,
): Result<{ readonly names: readonly string[]; readonly end: number }, Mistake> {
  const open = /^\s*\[/.exec(text.slice(at));
  if (open === null) return ok({ names: [], end: at });
  const close = text.indexOf(']', at);
  if (close === -1) return err({ offset: at, message: 'the list of extras is never closed' });
  const names = text
    .slice(at + open[0].length, close)
    .split(',')
    .map((one) => one.trim());
  const wrong = names.find((one) => one !== '' && NAME.exec(one)?.[0] !== one);
  if (wrong !== undefined)
    return err({ offset: text.indexOf(wrong, at), message: `\`${wrong}\` is no name of an extra` });
  return ok({ names: names.filter((one) => one !== '').map(normalizedName), end: close + 1 });
}

function readSpecifier(
  text: string,
  from: number,
  end: number,
): Result<{ readonly specifier: string; readonly version?: string }, Mistake> {
  const whole = text.slice(from, end);
  const inner = whole.trim().replace(/^\((.*)\)$/, '$1');
  if (inner.trim() === '') return ok({ specifier: '' });
  const clauses: string[] = [];
  let pinned: string | undefined;
  for (const part of inner.split(',')) {
    const clause = CLAUSE.exec(part.trim());
    const [, operator = '', version = ''] = clause ?? [];
    const wildcard = version.endsWith('.*');
    const known = operator === '===' || parseVersion(wildcard ? version.slice(0, -2) : version) !== undefined;
    if (clause === null || !known || (wildcard && operator !== '==' && operator !== '!=')) {
      const offset = Math.max(from, text.indexOf(part.trim(), from));
      return err({ offset, message: `\`${part.trim()}\` is no comparison with a version` });
    }
    clauses.push(`${operator}${version}`);
    if (operator === '===' || (operator === '==' && !wildcard)) pinned = version;
  }
  return ok({ specifier: clauses.join(','), ...defined({ version: pinned }) });
}

function readMarker(text: string, at: number): Result<Pick<Requirement, 'marker' | 'markerText'>, Mistake> {
  const rest = /^\s*;/.exec(text.slice(at));
  if (rest === null) {
    const more = text.slice(at).trim();
    return more === ''
      ? ok({})
      : err({ offset: text.indexOf(more, at), message: `expected \`;\` or the end, not \`${more}\`` });
  }
  const start = at + rest[0].length;
  const markerText = text.slice(start);
  const marker = parseMarker(markerText);
  if (!marker.ok) return err({ ...marker.error, offset: start + marker.error.offset });
  return ok({ marker: marker.value, markerText: markerText.trim() });
}
