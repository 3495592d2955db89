/** Offsets of the parts of a JSON text, for error messages; the value itself comes from `JSON.parse`. */
export interface JsonLocations {
  /** Offset of the first invalid character; absent if the text is JSON. */
  readonly error?: { readonly offset: number; readonly expected: string };
  /** Offset of each value under its path, e.g. `sets.rootfs[3].size`; the whole text is ``. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** Walks a JSON text (RFC 8259). Slower than `JSON.parse`: called only once an error is known. */
export function locateJson(text: string): JsonLocations {
  const walker = new Walker(text);
  try {
    walker.value('');
    walker.end();
    return { offsets: walker.offsets };
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    return { error: { offset: error.offset, expected: error.expected }, offsets: walker.offsets };
  }
}

class Misfit extends Error {
  readonly offset: number;
  readonly expected: string;
  constructor(offset: number, expected: string) {
    super(expected);
    this.offset = offset;
    this.expected = expected;
  }
}

const SPACE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 forbids exactly these inside a string.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y;

/** Deeper than any lock is. */
const MAX_DEPTH = 64;

class Walker {
  readonly offsets = new Map<string, number>();
  readonly text: string;
  offset = 0;
  #depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  value(path: string): void {
    this.take(SPACE);
    this.offsets.set(path, this.offset);
    const first = this.text[this.offset];
    if (first === '{') this.object(path);
    else if (first === '[') this.array(path);
    else if (first === '"') this.need(STRING, 'the end of this string');
    else this.need(SCALAR, 'a value');
  }

  end(): void {
    this.take(SPACE);
    if (this.offset < this.text.length) throw new Misfit(this.offset, 'the end of the file');
  }

  private object(path: string): void {
    this.list('}', '"," or "}"', () => {
      const key = JSON.parse(this.need(STRING, 'a key in double quotes')) as string;
      this.need(/[ \t\n\r]*:/y, '":"');
      this.value(path === '' ? key : `${path}.${key}`);
    });
  }

  private array(path: string): void {
    let index = 0;
    this.list(']', '"," or "]"', () => this.value(`${path}[${index++}]`));
  }

  private list(close: string, expected: string, element: () => void): void {
    if (this.#depth === MAX_DEPTH) throw new Misfit(this.offset, 'text or a number');
    this.#depth += 1;
    this.elements(close, expected, element);
    this.#depth -= 1;
  }

  private elements(close: string, expected: string, element: () => void): void {
    this.offset += 1;
    this.take(SPACE);
    if (this.text[this.offset] === close) {
      this.offset += 1;
      return;
    }
    for (;;) {
      this.take(SPACE);
      element();
      this.take(SPACE);
      const next = this.text[this.offset];
      if (next !== ',' && next !== close) throw new Misfit(this.offset, expected);
      this.offset += 1;
      if (next === close) return;
    }
  }

  private need(pattern: RegExp, expected: string): string {
    const found = this.take(pattern);
    if (found === undefined) throw new Misfit(this.offset, expected);
    return found;
  }

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.offset;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.offset += found.length;
    return found;
  }
}
