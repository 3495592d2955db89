import { randomUUID } from 'node:crypto';
import { appendFile, stat } from 'node:fs/promises';

/** Bytes of a step's summary; a greater one is not shown at all (its documentation, "Job summaries"). */
export const MAX_SUMMARY = 1024 * 1024;

/**
 * Adds Markdown to a step's summary: as many whole lines as there is room for, and a last line that states that there was
 * more. A file that cannot be written loses the summary, never the run: false then.
 */
export async function addSummary(file: string, markdown: string): Promise<boolean> {
  const taken = await stat(file).then(
    ({ size }) => size,
    () => 0,
  );
  const text = cut(`${markdown.trimEnd()}\n\n`, MAX_SUMMARY - taken);
  return text === '' ? true : append(file, text);
}

/** Sets outputs of a step. */
export function setOutputs(file: string, outputs: Readonly<Record<string, string>>): Promise<boolean> {
  const lines = Object.entries(outputs).map(([name, value]) => {
    // Random: a value cannot contain its own end.
    const end = `end-${randomUUID()}`;
    return `${name}<<${end}\n${value}\n${end}\n`;
  });
  return append(file, lines.join(''));
}

/** The text, or its first whole lines and a note about the rest, in at most `room` bytes. */
function cut(text: string, room: number): string {
  if (Buffer.byteLength(text) <= room) return text;
  const note =
    '\n\n_The rest did not fit: a summary holds 1 MiB. `report.json` and `junit.xml` have all of it._\n\n';
  const bytes = Buffer.from(text).subarray(0, Math.max(0, room - Buffer.byteLength(note)));
  const end = bytes.lastIndexOf('\n');
  return end <= 0 ? '' : `${closed(bytes.subarray(0, end).toString('utf8'))}${note}`;
}

/** A table or list ends where the cut is; an opened `<details>` would hide what other steps write below. */
function closed(text: string): string {
  const left = text.split('<details>').length - text.split('</details>').length;
  if (left <= 0) return text;
  // Room for it: the block is left out from its beginning on.
  return text.slice(0, text.lastIndexOf('<details>'));
}

function append(file: string, text: string): Promise<boolean> {
  return appendFile(file, text).then(
    () => true,
    () => false,
  );
}
