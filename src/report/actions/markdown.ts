/** Text as GitHub's Markdown shows it letter by letter: nothing in it is markup, a mention or the end of a cell. */
export function plainText(text: string): string {
  return visible(text)
    .replaceAll(/[\\`*_{}[\]()#!~|<>&@:]/g, (char) => `&#${char.charCodeAt(0)};`)
    .replaceAll('\n', '<br>');
}

export function code(text: string): string {
  return `<code>${plainText(text)}</code>`;
}

/** Lines as they are. */
export function block(text: string): string {
  const escaped = visible(text).replaceAll(/[<>&]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<pre>${escaped}</pre>`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/** What is opened by a click. */
export function details(title: string, lines: readonly string[]): readonly string[] {
  return ['<details>', `<summary>${title}</summary>`, '', ...lines, '', '</details>'];
}

/** Controls as what they are, so that nothing vanishes and no file is taken for a binary one. */
function visible(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(
      /[^\P{Cc}\n\t]|[\p{Cs}\u202a-\u202e\u2066-\u2069]/gu,
      (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`,
    );
}
