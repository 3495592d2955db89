/** Text that others wrote, for a line of ours: line breaks and other controls as blanks, so that it cannot end the line. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
