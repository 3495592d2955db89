import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { err, ok, type Result } from '../domain/result.ts';
import { systemFailure } from '../exec/system-error.ts';
import type { Failure, FailureCode, SourcePosition } from '../failure.ts';

/** Bytes. Files read here are written by hand; the longest one has a few kilobytes. */
const MAX_BYTES = 256 * 1024;

/** The text of a small file written by hand: UTF-8, without a byte order mark. */
export async function readText(file: string): Promise<Result<string>> {
  const bytes = await readBytes(file);
  if (!bytes.ok) return bytes;
  const [first, second] = bytes.value;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return err(
      unreadable(file, 'encoding', 'The file is UTF-16.', ['Save it as UTF-8.'], {
        file,
        line: 1,
        column: 1,
      }),
    );
  }
  try {
    return ok(new TextDecoder('utf-8', { fatal: true }).decode(bytes.value));
  } catch {
    const at = firstBadByte(file, bytes.value);
    return err(unreadable(file, 'encoding', 'The file is not UTF-8.', ['Save it as UTF-8.'], at));
  }
}

async function readBytes(file: string): Promise<Result<Uint8Array>> {
  try {
    // Non-blocking: opening a pipe without a writer would wait forever.
    await using handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await handle.stat();
    if (!stat.isFile()) {
      return err(unreadable(file, 'not-a-file', 'It is not an ordinary file.', ['Name a YAML file.']));
    }
    if (stat.size > MAX_BYTES) {
      const what = `The file has ${stat.size} bytes; more than ${MAX_BYTES} are not read.`;
      return err(unreadable(file, 'too-large', what, ['Check that it is the file you mean.']));
    }
    return ok(await handle.readFile());
  } catch (error) {
    return err(systemError(file, error as NodeJS.ErrnoException));
  }
}

function systemError(file: string, error: NodeJS.ErrnoException): Failure {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
    return { code: 'recipe/not-found', what: `There is no file \`${file}\`.`, fix: ['Check the path.'] };
  }
  // No fault of the file.
  const exhausted = ['EMFILE', 'ENFILE', 'ENOMEM', 'EIO'].includes(error.code ?? '')
    ? systemFailure(error)
    : undefined;
  if (exhausted !== undefined) return exhausted;
  return unreadable(file, 'unreadable', `It cannot be read: ${error.message}.`, [
    'Make it readable for you.',
  ]);
}

function unreadable(
  file: string,
  name: string,
  what: string,
  fix: readonly string[],
  at: SourcePosition = { file, line: 1, column: 1 },
): Failure {
  return { code: `recipe/${name}` satisfies FailureCode, what, fix, at };
}

/** Offset of the first byte that is not UTF-8, by bisection: everything before it decodes. */
function firstBadByte(file: string, bytes: Uint8Array): SourcePosition {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (decodes(bytes.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  const before = new TextDecoder('utf-8').decode(bytes.subarray(0, good), { stream: true });
  const line = before.split('\n');
  const last = line.at(-1) ?? '';
  const rest = new TextDecoder('utf-8').decode(bytes.subarray(good, good + 200)).split('\n', 1)[0] ?? '';
  return { file, line: line.length, column: [...last].length + 1, text: last + rest };
}

/** Whether bytes are the beginning of UTF-8 text; a character cut off at the end counts as good. */
function decodes(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
