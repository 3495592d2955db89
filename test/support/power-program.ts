// Uses a store on a disk whose power is cut: `power-program.ts make <store> <first> <count>` makes entries whose content
// follows from their numbers, `check <store> <count>` says what is left of them, one JSON object.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ok } from '../../src/domain/result.ts';
import { entryFolder, readRecord } from '../../src/store/entries.ts';
import { fingerprint } from '../../src/store/fingerprint.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';

export interface Left {
  readonly whole: number;
  readonly absent: number;
  /** Counted as whole by the store, with other bytes than were written. */
  readonly wrong: readonly string[];
  /** Not counted as whole, with other bytes than were written. */
  readonly hurt: number;
  /** Entries that could not be made again. */
  readonly unmended: readonly string[];
}

const KIND = 'trees';
const SMALL_FILES = 24;
/** So that its manifest is made while the work goes on. Bytes. */
const LARGE = 66 << 20;
const LARGE_EACH = 5;
const options = { signal: new AbortController().signal };

const [action = '', folder = '', ...numbers] = process.argv.slice(2);
const opened = await openStore(folder);
if (!opened.ok) throw new Error(JSON.stringify(opened));
const store = opened.value;
if (action === 'make') await makeAll(Number(numbers[0]), Number(numbers[1]));
else process.stdout.write(JSON.stringify(await check(Number(numbers[0]))));
await store.settled();

async function makeAll(first: number, count: number): Promise<void> {
  for (let number = first; number < first + count; number += 1) {
    const made = await make(store, number);
    if (!made.ok) throw new Error(JSON.stringify(made));
  }
}

function make(into: Store, number: number) {
  return into.obtain(KIND, inputs(number), async (root) => ok(write(root, number)), options);
}

function inputs(number: number) {
  return { label: `entry ${number}` };
}

function contents(number: number): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let index = 0; index < SMALL_FILES; index += 1) {
    files.set(
      `below/${index}`,
      Buffer.alloc(1 + ((number * 7919 + index * 104_729) % 60_000), `${number}:${index} `),
    );
  }
  if (number % LARGE_EACH === 2) files.set('large', Buffer.alloc(LARGE, `${number} is large `));
  return files;
}

function write(root: string, number: number): string {
  mkdirSync(join(root, 'below'));
  for (const [name, bytes] of contents(number)) writeFileSync(join(root, name), bytes);
  return `made ${number}`;
}

function isWhole(root: string, number: number): boolean {
  const expected = contents(number);
  try {
    if (readdirSync(join(root, 'below')).length !== SMALL_FILES) return false;
    return [...expected].every(([name, bytes]) => readFileSync(join(root, name)).equals(bytes));
  } catch {
    return false;
  }
}

async function check(count: number): Promise<Left> {
  const wrong: string[] = [];
  const unmended: string[] = [];
  let [whole, absent, hurt] = [0, 0, 0];
  for (let number = 0; number < count; number += 1) {
    const name = { kind: KIND, fingerprint: fingerprint(inputs(number)) } as const;
    const root = entryFolder(folder, name.kind, name.fingerprint);
    const record = await readRecord(folder, name);
    const right = isWhole(root, number);
    if (record !== undefined && !(right && record.meta === `made ${number}`)) wrong.push(`entry ${number}`);
    else if (record !== undefined) whole += 1;
    else if (existsSync(root) && !right) hurt += 1;
    else absent += 1;
    if (record !== undefined || number % LARGE_EACH === 2) continue;
    const again = await make(store, number);
    if (!again.ok || !isWhole(again.value.folder, number)) unmended.push(JSON.stringify(again));
  }
  return { whole, absent, wrong, hurt, unmended };
}
