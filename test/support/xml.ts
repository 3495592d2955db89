/** An element of a parsed XML document. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  /** Character data directly inside, references resolved. */
  readonly text: string;
}

const NAME = /[A-Za-z_][\w.-]*/y;
const ATTRIBUTE = /\s+([A-Za-z_][\w.-]*)="([^"<]*)"/y;
const NOT_A_CHARACTER = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * Parses XML 1.0 as far as reports need it and refuses what is not well-formed: undeclared references, characters outside
 * of the `Char` production, doubled attributes, elements that do not nest.
 */
export function parseXml(document: string): Element {
  if (NOT_A_CHARACTER.test(document))
    throw new Error(`character ${JSON.stringify(NOT_A_CHARACTER.exec(document)?.[0])}`);
  const body = document.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '');
  if (body === document) throw new Error('no XML declaration');
  const reader = { text: body.trim(), at: 0 };
  const root = readElement(reader);
  if (reader.at !== reader.text.length)
    throw new Error(`text after the root: ${reader.text.slice(reader.at, reader.at + 40)}`);
  return root;
}

interface Reader {
  readonly text: string;
  at: number;
}

function readElement(reader: Reader): Element {
  expect(reader, '<');
  const name = match(reader, NAME)[0];
  const attributes: Record<string, string> = {};
  for (let found = tryMatch(reader, ATTRIBUTE); found !== null; found = tryMatch(reader, ATTRIBUTE)) {
    const [, key = '', value = ''] = found;
    if (key in attributes) throw new Error(`attribute ${key} twice in ${name}`);
    // Attribute values are normalised: white space written as such is a blank (XML 1.0, section 3.3.3).
    attributes[key] = resolve(value.replaceAll(/[\t\n\r]/g, ' '));
  }
  tryMatch(reader, /\s*/y);
  if (tryMatch(reader, /\/>/y) !== null) return { name, attributes, children: [], text: '' };
  expect(reader, '>');
  return readContent(reader, name, attributes);
}

function readContent(reader: Reader, name: string, attributes: Readonly<Record<string, string>>): Element {
  const children: Element[] = [];
  let text = '';
  for (;;) {
    const data = match(reader, /[^<]*/y)[0];
    if (data.includes(']]>')) throw new Error('"]]>" in character data');
    text += resolve(data.replaceAll(/\r\n?/g, '\n'));
    if (tryMatch(reader, /<\//y) !== null) break;
    children.push(readElement(reader));
  }
  const end = match(reader, NAME)[0];
  if (end !== name) throw new Error(`</${end}> ends <${name}>`);
  expect(reader, '>');
  return { name, attributes, children, text };
}

function resolve(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replaceAll(/&([^;]*);?/g, (whole, reference: string) => {
    const code = /^#(\d+)$/.exec(reference)?.[1];
    const char = code === undefined ? named[reference] : String.fromCodePoint(Number(code));
    if (!whole.endsWith(';') || char === undefined || NOT_A_CHARACTER.test(char))
      throw new Error(`reference ${whole}`);
    return char;
  });
}

function expect(reader: Reader, text: string): void {
  if (!reader.text.startsWith(text, reader.at))
    throw new Error(`"${text}" expected at ${reader.text.slice(reader.at, reader.at + 40)}`);
  reader.at += text.length;
}

function match(reader: Reader, pattern: RegExp): RegExpExecArray {
  const found = tryMatch(reader, pattern);
  if (found === null)
    throw new Error(`${pattern} expected at ${reader.text.slice(reader.at, reader.at + 40)}`);
  return found;
}

function tryMatch(reader: Reader, pattern: RegExp): RegExpExecArray | null {
  const sticky = new RegExp(pattern.source, pattern.flags);
  sticky.lastIndex = reader.at;
  const found = sticky.exec(reader.text);
  if (found !== null) reader.at += found[0].length;
  return found;
}
