const ESCAPE = '\u001b';
const PIECE = new RegExp(`${ESCAPE}\\[[?0-9;]*[A-Za-z]|${ESCAPE}.|[^]`, 'gu');
const SEQUENCE = /^.\[(\??)([0-9;]*)([A-Za-z])$/;

/**
 * What a terminal shows after the bytes that a program wrote to it: the few sequences of ECMA-48 and xterm that progress
 * displays use. Anything else is an error, so that a test notices what it does not understand.
 */
export class Screen {
  readonly #columns: number;
  readonly #lines: string[][] = [[]];
  #row = 0;
  #column = 0;
  cursorVisible = true;
  /** Set when text ran over the right edge: a terminal wraps there and the lines below move. */
  wrapped = false;
  /** An escape sequence for a colour was seen. */
  colored = false;

  constructor(columns: number) {
    this.#columns = columns;
  }

  write(text: string): this {
    for (const [piece] of text.matchAll(PIECE)) {
      if (piece.startsWith(ESCAPE)) this.#control(piece);
      else this.#put(piece);
    }
    return this;
  }

  /** Lines without trailing blanks, down to the last one that is not empty. */
  get lines(): readonly string[] {
    const lines = this.#lines.map((line) =>
      Array.from(line, (char) => char ?? ' ')
        .join('')
        .trimEnd(),
    );
    return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1);
  }

  #put(char: string): void {
    if (char === '\r') {
      this.#column = 0;
    } else if (char === '\n') {
      this.#move(1);
      // A terminal in cooked mode turns a newline into both.
      this.#column = 0;
    } else {
      if (this.#column >= this.#columns) this.wrapped = true;
      (this.#lines[this.#row] as string[])[this.#column] = char;
      this.#column += 1;
    }
  }

  #control(sequence: string): void {
    const [, prefix = '', digits = '', command = ''] = SEQUENCE.exec(sequence) ?? [];
    const count = digits === '' ? 1 : Number(digits);
    const line = this.#lines[this.#row] as string[];
    if (prefix === '?' && digits === '25') this.cursorVisible = command === 'h';
    else if (prefix === '?' && digits === '2026') return;
    else if (command === 'm') this.colored = true;
    else if (command === 'A') this.#move(-count);
    else if (command === 'B') this.#move(count);
    else if (command === 'G') this.#column = count - 1;
    else if (command === 'K' && digits === '2') line.length = 0;
    else if (command === 'K') line.length = Math.min(line.length, this.#column);
    else throw new Error(`escape sequence ${JSON.stringify(sequence)}`);
  }

  #move(rows: number): void {
    this.#row = Math.max(0, this.#row + rows);
    while (this.#lines.length <= this.#row) this.#lines.push([]);
  }
}
