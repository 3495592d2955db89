import type { Readable } from 'node:stream';
import { err, ok, type Result } from '../../domain/result.ts';

/** One line of the stream that import, pull and push answer with. */
interface ProgressEvent {
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
}

/**
 * Reads a stream of progress events to its end. The answer began with HTTP status 200 whatever comes of it: an event
 * with `errorDetail` is an error, and so is a stream that ends without an event. Gives the `status` of the last one.
 */
export async function readEvents(stream: Readable): Promise<Result<string, string>> {
  let rest = '';
  let last: string | undefined;
  let error: string | undefined;
  const take = (line: string): void => {
    if (line.trim() === '') return;
    const event = parse(line);
    if (event === undefined) error ??= line.trim().slice(0, 500);
    else if (event.errorDetail !== undefined || event.error !== undefined) {
      error ??= event.errorDetail?.message ?? event.error ?? 'an error without a message';
    } else last = event.status ?? last;
  };
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  }
  take(rest);
  if (error !== undefined) return err(error);
  return last === undefined ? err('The answer ended without saying how it went.') : ok(last);
}

function parse(line: string): ProgressEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
