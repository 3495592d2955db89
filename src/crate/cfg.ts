/** What is known of a target, by the names of `rustc --print cfg`; a name without a value is set by itself. */
export type CfgFacts = Readonly<Record<string, readonly (string | true)[]>>;

/**
 * Whether a condition of a target's table (`cfg(…)`, The Rust Reference, "Conditional compilation") holds. Undefined where that
 * depends on a name that is not among the facts, or where it is none.
 */
export function cfgHolds(text: string, facts: CfgFacts): boolean | undefined {
  const inner = /^\s*cfg\s*\(([\s\S]*)\)\s*$/.exec(text)?.[1];
  if (inner === undefined) return undefined;
  const tokens = inner.match(/"[^"]*"|[A-Za-z_][A-Za-z0-9_]*|[(),=]/g) ?? [];
  const parser = new Parser(tokens, facts);
  const holds = parser.predicate();
  return parser.ended ? holds : undefined;
}

class Parser {
  readonly #tokens: readonly string[];
  readonly #facts: CfgFacts;
  #at = 0;

  constructor(tokens: readonly string[], facts: CfgFacts) {
    this.#tokens = tokens;
    this.#facts = facts;
  }

  get ended(): boolean {
    return this.#at === this.#tokens.length;
  }

  predicate(): boolean | undefined {
    const name = this.#tokens[this.#at++] ?? '';
    if (this.#take('(')) return joined(name, this.#list());
    if (name === 'true' || name === 'false') return name === 'true';
    const wanted = this.#take('=') ? (this.#tokens[this.#at++] ?? '').slice(1, -1) : true;
    return this.#facts[name]?.includes(wanted);
  }

  #list(): readonly (boolean | undefined)[] {
    const all: (boolean | undefined)[] = [];
    while (!this.ended && !this.#take(')')) {
      all.push(this.predicate());
      this.#take(',');
    }
    return all;
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at += 1;
    return true;
  }
}

function joined(operator: string, all: readonly (boolean | undefined)[]): boolean | undefined {
  const open = all.includes(undefined) ? undefined : false;
  if (operator === 'any') return all.includes(true) ? true : open;
  if (operator === 'all') return all.includes(false) ? false : open === undefined ? undefined : true;
  const [only] = all;
  return operator === 'not' && only !== undefined ? !only : undefined;
}
