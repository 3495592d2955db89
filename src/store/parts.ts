import { createHash } from 'node:crypto';
import { cp, link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { absentAsUndefined, errorCode } from '../domain/errno.ts';
import type { Digest, Fingerprint } from '../domain/ids.ts';
import { elsewhereKey, elsewhereText } from './elsewhere.ts';
import { type EntryRecord, parseRecord } from './record.ts';
import type { EntryKind } from './store.ts';

/** What changes together: a service that caches whole folders sends one again where anything in it changed. */
export const PARTS = ['toolchain', 'packages', 'built', 'program'] as const;
export type Part = (typeof PARTS)[number];

/** A part as it is after a run. */
export interface SavedPart {
  readonly part: Part;
  /** Of the names of everything in it. */
  readonly key: string;
  /** It has something that it had not when it was restored; only then its folder is filled. */
  readonly isNew: boolean;
  /** Of what would be sent. */
  readonly files: number;
  readonly bytes: number;
}

/** A part that was restored: package files, entries and results in it, and how many of them the store had not. */
export interface PlacedPart {
  readonly part: Part;
  readonly found: number;
  readonly placed: number;
}

/** Digests of the package files that the locks of a recipe name. */
export interface LockedFiles {
  readonly toolchain: readonly Digest[];
  readonly packages: readonly Digest[];
}

/** Marks when the parts were restored: what was used later is of the run. */
const RESTORED = 'restored';
/** What was in a part, one name a line. */
const NAMES = 'names';
/** Results that nobody asked for in so long are left out. Milliseconds. */
const RESULT_MS = 30 * 24 * 3_600_000;

/** Trees that are unpacked from packages, or laid together from others: faster made than sent. */
const MADE_QUICKLY = ['packages', 'composed'];
/** What is made of the bundle again in no time, and what holds on one machine. */
const LEFT_OUT = ['unpacked bundle', 'starts'];
/** Builds that a changed line of the project leaves as they are. */
const LASTING = [
  ...['bytecode', 'reference home', 'own interpreter', 'library modules', 'compressed files'],
  ...['wheel', 'wasm launcher', 'python wheels', 'python packages'],
];

/** Keys of the parts that are known before a run. */
export function keysOf(locked: LockedFiles): Readonly<Record<'toolchain' | 'packages', string>> {
  const { toolchain, packages } = blobsOf(locked);
  return { toolchain: keyOf(toolchain), packages: keyOf(packages) };
}

function blobsOf({ toolchain, packages }: LockedFiles) {
  const own = new Set(toolchain);
  const named = (digests: readonly Digest[]): readonly string[] =>
    [...new Set(digests)].map((digest) => `blobs/sha256/${digest.slice('sha256:'.length)}`);
  return { toolchain: named(toolchain), packages: named(packages.filter((digest) => !own.has(digest))) };
}

function keyOf(names: readonly string[]): string {
  return createHash('sha256')
    .update([...names].sort().join('\n'))
    .digest('hex');
}

/** Moves what was restored into `folder` into a store. What is there already stays. */
export async function placeParts(store: string, folder: string): Promise<readonly PlacedPart[]> {
  const placed: PlacedPart[] = [];
  for (const part of PARTS) {
    const counts = { found: 0, placed: 0 };
    for (const place of ['blobs/sha256', 'trees', 'builds', 'results']) {
      const from = join(folder, part, place);
      await mkdir(join(store, place), { recursive: true });
      for (const name of await namesIn(from)) {
        counts.found += 1;
        if (await moveTo(join(from, name), join(store, place, name))) counts.placed += 1;
      }
    }
    placed.push({ part, ...counts });
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, RESTORED), '');
  return placed;
}

/** Whether it was moved: what is there already stays. */
async function moveTo(from: string, to: string): Promise<boolean> {
  if ((await stat(to).catch(absentAsUndefined)) !== undefined) return false;
  try {
    await rename(from, to);
    return true;
  } catch (cause) {
    if (errorCode(cause) !== 'EXDEV') throw cause;
    // On another disk: whole, or not at all.
    const beside = `${to}.${process.pid}.tmp`;
    await cp(from, beside, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    await rename(beside, to);
    return true;
  }
}

/** Fills the folders of the parts in which something is new since `placeParts`, by hard links where that can be. */
export async function saveParts(
  store: string,
  folder: string,
  locked: LockedFiles,
): Promise<readonly SavedPart[]> {
  const since = (await stat(join(folder, RESTORED)).catch(absentAsUndefined))?.mtimeMs ?? 0;
  const { toolchain, packages } = blobsOf(locked);
  const used = await usedEntries(store, since);
  const results = await usedResults(store);
  const keys = used.trees.map((one) => [elsewhereKey(one), one.record.meta] as const);
  const remembered = new Map(keys.map(([key, meta]) => [`${key}.json`, { key, meta }]));
  const program = [
    ...used.program,
    ...results.filter((name) => !remembered.has(name)).map((name) => `results/${name}`),
  ];
  const texts = new Map(
    [...remembered].map(([name, { key, meta }]) => [`results/${name}`, elsewhereText(key, meta)] as const),
  );
  return [
    await saveFiles(store, folder, 'toolchain', await present(store, toolchain)),
    await saveFiles(store, folder, 'packages', await present(store, packages)),
    await saveFiles(store, folder, 'built', used.built),
    await saveFiles(store, folder, 'program', program, texts),
  ];
}

/** Names of blobs; none where one is missing: a part of a lock is of no use. */
async function present(store: string, names: readonly string[]): Promise<readonly string[]> {
  for (const name of names)
    if ((await stat(join(store, name)).catch(absentAsUndefined)) === undefined) return [];
  return names;
}

interface UsedEntry {
  readonly kind: EntryKind;
  readonly fingerprint: Fingerprint;
  readonly record: EntryRecord;
}

async function usedEntries(store: string, since: number) {
  const trees: UsedEntry[] = [];
  const built: string[] = [];
  const program: string[] = [];
  for (const kind of ['trees', 'builds'] as const) {
    for (const fingerprint of await namesIn(join(store, kind))) {
      const file = join(store, kind, fingerprint, 'entry.json');
      const times = await stat(file).catch(absentAsUndefined);
      if (times === undefined || times.mtimeMs < since) continue;
      const record = parseRecord(await readFile(file, 'utf8'), fingerprint);
      if (record === undefined) continue;
      const what = String(record.inputs.what);
      const name = `${kind}/${fingerprint}`;
      if (kind === 'trees') trees.push({ kind, fingerprint, record });
      if ([...MADE_QUICKLY, ...LEFT_OUT].includes(what)) continue;
      (kind === 'trees' || LASTING.includes(what) ? built : program).push(name);
    }
  }
  return { trees, built, program };
}

async function usedResults(store: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const name of await namesIn(join(store, 'results'))) {
    const { mtimeMs } = await stat(join(store, 'results', name));
    if (mtimeMs >= Date.now() - RESULT_MS) names.push(name);
  }
  return names;
}

async function saveFiles(
  store: string,
  folder: string,
  part: Part,
  files: readonly string[],
  texts: ReadonlyMap<string, string> = new Map(),
): Promise<SavedPart> {
  const to = join(folder, part);
  const names = [...new Set([...files, ...texts.keys()])].sort();
  const key = keyOf(names);
  const before = new Set(
    ((await readFile(join(to, NAMES), 'utf8').catch(absentAsUndefined)) ?? '').split('\n'),
  );
  const isNew = names.some((name) => !before.has(name));
  if (!isNew) return { part, key, isNew, files: 0, bytes: 0 };
  await rm(to, { recursive: true, force: true });
  const sent = { files: 0, bytes: 0 };
  for (const name of files) await linkAll(join(store, name), join(to, name), sent);
  for (const [name, text] of texts) {
    await mkdir(dirname(join(to, name)), { recursive: true });
    await writeFile(join(to, name), text);
    sent.files += 1;
    sent.bytes += Buffer.byteLength(text);
  }
  await writeFile(join(to, NAMES), names.join('\n'));
  return { part, key, isNew, ...sent };
}

async function linkAll(from: string, to: string, sent: { files: number; bytes: number }): Promise<void> {
  const stats = await stat(from);
  await mkdir(dirname(to), { recursive: true });
  if (stats.isFile()) {
    await linkOrCopy(from, to);
    sent.files += 1;
    sent.bytes += stats.size;
    return;
  }
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isSymbolicLink()) await cp(source, target, { verbatimSymlinks: true });
    else await linkAll(source, target, sent);
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (cause) {
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP'].includes(errorCode(cause) ?? '')) throw cause;
    await cp(from, to, { preserveTimestamps: true });
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(absentAsUndefined)) ?? [];
}
