import { err, ok, type Result } from '../domain/result.ts';
import { versionHas } from './version.ts';

/** An environment marker (dependency specifiers, "Environment markers"). */
export type Marker =
  | { readonly kind: 'and' | 'or'; readonly of: readonly Marker[] }
  | {
      readonly kind: 'compare';
      readonly left: Operand;
      readonly operator: string;
      readonly right: Operand;
    };

type Operand = { readonly variable: string } | { readonly text: string };

/** What is wrong at which character (from 0) of a text. */
export interface Mistake {
  readonly offset: number;
  readonly message: string;
}

/** Values of the variables, and the extras and dependency groups that are asked for. */
export interface MarkerEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  readonly extras: readonly string[];
  readonly groups: readonly string[];
}

const VARIABLES: ReadonlySet<string> = new Set([
  'python_version',
  'python_full_version',
  'os_name',
  'sys_platform',
  'platform_release',
  'platform_system',
  'platform_version',
  'platform_machine',
  'platform_python_implementation',
  'implementation_name',
  'implementation_version',
  'extra',
  'extras',
  'dependency_groups',
]);

/** Spellings of before PEP 508, which pip still reads. */
const OLD: Readonly<Record<string, string>> = {
  'os.name': 'os_name',
  'sys.platform': 'sys_platform',
  'platform.version': 'platform_version',
  'platform.machine': 'platform_machine',
  'platform.python_implementation': 'platform_python_implementation',
  python_implementation: 'platform_python_implementation',
};

const VERSIONS: ReadonlySet<string> = new Set([
  'python_version',
  'python_full_version',
  'implementation_version',
]);

/** Reads a marker; offsets of a mistake count from the beginning of `text`. */
export function parseMarker(text: string): Result<Marker, Mistake> {
  const reader = new MarkerReader(text);
  try {
    const marker = reader.either();
    reader.end();
    return ok(marker);
  } catch (error) {
    if (error instanceof Misread) return err({ offset: error.offset, message: error.message });
    throw error;
  }
}

class Misread extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

const MAX_DEPTH = 64;

class MarkerReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  either(): Marker {
    return this.#joined('or', /or\b/y, () => this.#joined('and', /and\b/y, () => this.#one()));
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length) throw new Misread(this.#at, 'expected `and`, `or` or the end');
  }

  #joined(kind: 'and' | 'or', word: RegExp, part: () => Marker): Marker {
    const of = [part()];
    while (this.#take(word) !== undefined) of.push(part());
    return of.length === 1 ? (of[0] as Marker) : { kind, of };
  }

  #one(): Marker {
    if (this.#take(/\(/y) === undefined) return this.#comparison();
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new Misread(this.#at, 'too many brackets');
    const inside = this.either();
    if (this.#take(/\)/y) === undefined) throw new Misread(this.#at, 'expected `)`');
    this.#depth -= 1;
    return inside;
  }

  #comparison(): Marker {
    const start = this.#at;
    const left = this.#operand();
    const operator = this.#take(/===|==|~=|!=|<=|>=|<|>|in\b|not\s+in\b/y);
    if (operator === undefined)
      throw new Misread(this.#at, 'expected a comparison such as `==`, `<` or `in`');
    const right = this.#operand();
    if ('text' in left && 'text' in right) throw new Misread(start, 'a comparison of two texts');
    return { kind: 'compare', left, operator: operator.replace(/\s+/g, ' '), right };
  }

  #operand(): Operand {
    const quoted = this.#take(/'[^']*'|"[^"]*"/y);
    if (quoted !== undefined) return { text: quoted.slice(1, -1) };
    this.#space();
    const at = this.#at;
    const word = this.#take(/[A-Za-z_][\w.]*/y);
    const variable = word === undefined ? undefined : (OLD[word] ?? word);
    if (variable !== undefined && VARIABLES.has(variable)) return { variable };
    if (word !== undefined) throw new Misread(at, `\`${word}\` is no variable of markers`);
    const open = this.#text[at] === "'" || this.#text[at] === '"';
    throw new Misread(at, open ? 'a quote that is never closed' : 'expected a variable or a text in quotes');
  }

  #space(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  #take(pattern: RegExp): string | undefined {
    this.#space();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}

/** Whether a marker holds in an environment; without a marker: yes. */
export function holds(marker: Marker | undefined, environment: MarkerEnvironment): boolean {
  if (marker === undefined) return true;
  if (marker.kind !== 'compare') {
    const all = marker.of.map((one) => holds(one, environment));
    return marker.kind === 'and' ? !all.includes(false) : all.includes(true);
  }
  const { left, operator, right } = marker;
  const set = setOf(right, environment);
  if (set !== undefined) {
    const member = set.includes(normalizedName(operandValue(left, environment)));
    return operator === 'not in' ? !member : member;
  }
  const extra = [left, right].some((one) => 'variable' in one && one.variable === 'extra');
  if (extra) return extraHolds(left, operator, right, environment);
  return compare(operandValue(left, environment), operator, operandValue(right, environment), [left, right]);
}

function compare(left: string, operator: string, right: string, operands: readonly Operand[]): boolean {
  if (operator === 'in') return right.includes(left);
  if (operator === 'not in') return !right.includes(left);
  const versions = operands.some((one) => 'variable' in one && VERSIONS.has(one.variable));
  const related = versions ? versionHas(left, operator, right) : undefined;
  if (related !== undefined) return related;
  if (operator === '==' || operator === '===') return left === right;
  if (operator === '!=') return left !== right;
  // An order of texts is none (dependency specifiers: "otherwise … an error"); pip compares them as Python does.
  if (operator === '<=') return left <= right;
  if (operator === '>=') return left >= right;
  return operator === '<' ? left < right : operator === '>' ? left > right : false;
}

function extraHolds(left: Operand, operator: string, right: Operand, { extras }: MarkerEnvironment): boolean {
  const text = normalizedName('text' in left ? left.text : 'text' in right ? right.text : '');
  return extras.map(normalizedName).includes(text) === (operator === '==' || operator === '===');
}

function setOf(operand: Operand, { extras, groups }: MarkerEnvironment): readonly string[] | undefined {
  if (!('variable' in operand)) return undefined;
  if (operand.variable === 'extras') return extras.map(normalizedName);
  return operand.variable === 'dependency_groups' ? groups.map(normalizedName) : undefined;
}

function operandValue(operand: Operand, { variables }: MarkerEnvironment): string {
  return 'text' in operand ? operand.text : (variables[operand.variable] ?? '');
}

/** A name as indexes compare it (PEP 503): lower case, runs of `-`, `_` and `.` as one `-`. */
export function normalizedName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}
