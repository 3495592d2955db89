/** Well-formed UTF-8 sequences, on bytes as Latin-1 (RFC 3629, section 4); anything else is one byte. */
const SEQUENCE =
  /[\0-\x7f]+|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\s\S]/g;

/** What a terminal or an editor does not show: controls but newline and tab, joiners and marks of direction, odd spaces. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/**
 * Two outputs as text in which their difference can be seen: bytes that are no UTF-8 as `\xff`, carriage returns as `\r`,
 * blanks at the end of a line as `\x20`. Where that still looks alike (composed and combining letters, a backslash that is
 * printed against a byte that we escaped), everything beyond ASCII is escaped.
 */
export function visiblePair(a: Uint8Array, b: Uint8Array): readonly [string, string] {
  const readable = [visible(a), visible(b)] as const;
  return looksAlike(...readable) ? [exact(a), exact(b)] : readable;
}

/** One output in readable form: see `visiblePair`. */
export function visible(bytes: Uint8Array): string {
  return decode(bytes)
    .replaceAll(HIDDEN, (char) => (char === '\n' || char === '\t' ? char : escaped(char)))
    .replaceAll(/[ \t](?=\n|$)/g, (blank) => (blank === ' ' ? '\\x20' : '\\t'));
}

function exact(bytes: Uint8Array): string {
  return decode(bytes, '\\\\')
    .replaceAll(/[^\x20-\x7e\n]/gu, escaped)
    .replaceAll(/ (?=\n|$)/g, '\\x20');
}

function looksAlike(a: string, b: string): boolean {
  return a.normalize('NFC') === b.normalize('NFC');
}

/** UTF-8 with the other bytes as `\xff`; `backslash` is what stands for a backslash that is printed. */
function decode(bytes: Uint8Array, backslash = '\\'): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('latin1')
    .replaceAll(SEQUENCE, (sequence) => {
      const code = sequence.charCodeAt(0);
      if (code < 0x80) return backslash === '\\' ? sequence : sequence.replaceAll('\\', backslash);
      return sequence.length === 1
        ? `\\x${code.toString(16)}`
        : Buffer.from(sequence, 'latin1').toString('utf8');
    });
}

function escaped(char: string): string {
  const named = { '\r': '\\r', '\t': '\\t', '\0': '\\0' }[char];
  if (named !== undefined) return named;
  const code = char.codePointAt(0) as number;
  return code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}
