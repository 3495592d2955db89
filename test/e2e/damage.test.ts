// Damage anywhere in a real store: the next run delivers the same bytes, with exit code 0 and nothing done by hand.
// PROVISION_TEST_TRIALS sets how many times.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGED_AARCH64, provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

const TRIALS = Number(process.env.PROVISION_TEST_TRIALS ?? 7);
const SAMPLE = join(REPOSITORY, 'runner', 'samples', 'any', 'containers.py');

interface Report {
  readonly bundle: { readonly file: string; readonly digest: string };
  readonly totals: { readonly passed: number };
}

interface Entry {
  readonly folder: string;
  readonly what: string;
}

/** Entries of the store, by what they were made of. */
function entries(kind: string, wanted: (what: string) => boolean): Entry[] {
  const folder = join(SHARED_STORE, kind);
  return readdirSync(folder)
    .map((name) => {
      const record = JSON.parse(readFileSync(join(folder, name, 'entry.json'), 'utf8'));
      return { folder: join(folder, name), what: String(record.inputs.what) };
    })
    .filter(({ what }) => wanted(what));
}

function filesBelow(folder: string, pattern = /./): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => pattern.test(path) && statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .sort();
}

const WAYS: readonly (readonly [string, (file: string) => void])[] = [
  [
    'a flipped bit',
    (file) => {
      const bytes = readFileSync(file);
      const at = Math.floor(bytes.length / 2);
      bytes[at] = (bytes[at] ?? 0) ^ 4;
      writeFileSync(file, bytes);
    },
  ],
  ['half of it', (file) => truncateSync(file, Math.floor(statSync(file).size / 2))],
  ['nothing left in it', (file) => truncateSync(file, 0)],
  ['gone', (file) => rmSync(file)],
  [
    'a folder in its place',
    (file) => {
      rmSync(file);
      mkdirSync(file);
    },
  ],
];

/** What is damaged, and what is removed so that something has to be made of it. */
const PLACES: readonly (readonly [string, () => { readonly files: string[]; readonly removed: Entry[] }])[] =
  [
    ['the bundle', () => ({ files: below('builds', 'bundle'), removed: [] })],
    ['the program', () => ({ files: below('builds', 'program'), removed: entries('builds', is('bundle')) })],
    ['the unpacked bundle', () => ({ files: below('builds', 'unpacked bundle'), removed: [] })],
    [
      'the standard library',
      () => ({
        files: below('trees', 'packages', /\/root\/usr\/lib\/python3\.\d+\/(json|collections)\/.*\.py$/),
        removed: entries('builds', is('bundle')),
      }),
    ],
    [
      'libpython',
      () => ({
        files: below('trees', 'packages', /\/root\/usr\/lib\/aarch64-linux-gnu\/libpython.*\.so\.1\.0$/),
        removed: entries('builds', is('bundle')),
      }),
    ],
    ['a record', () => ({ files: records(), removed: [] })],
    ['a result', () => ({ files: filesBelow(join(SHARED_STORE, 'results')), removed: [] })],
  ];

function is(wanted: string): (what: string) => boolean {
  return (what) => what === wanted;
}

function below(kind: string, what: string, pattern?: RegExp): string[] {
  return entries(kind, is(what)).flatMap(({ folder }) => filesBelow(join(folder, 'root'), pattern));
}

function records(): string[] {
  return entries('builds', is('bundle')).map(({ folder }) => join(folder, 'entry.json'));
}

function report(folder: string): Report {
  return JSON.parse(readFileSync(join(folder, 'artifacts', 'aarch64', 'report.json'), 'utf8')) as Report;
}

test('after damage in any place the run delivers the bytes of before', async (t) => {
  const folder = temporaryFolder(t);
  const run = () =>
    provision([PACKAGED_AARCH64, '--samples', SAMPLE], {
      cwd: folder,
      store: SHARED_STORE,
      timeoutMs: 30 * 60_000,
    });
  const first = await run();
  assert.equal(first.status, 0, first.stdout + first.stderr);
  const { bundle } = report(folder);
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const [place, choose] = PLACES[trial % PLACES.length] as (typeof PLACES)[number];
    const [way, damage] = WAYS[
      (trial + Math.floor(trial / PLACES.length)) % WAYS.length
    ] as (typeof WAYS)[number];
    const { files, removed } = choose();
    const file = files[(trial * 7919) % files.length];
    assert.ok(file !== undefined, place);
    damage(file);
    for (const entry of removed) rmSync(entry.folder, { recursive: true, force: true });
    const archive = join(folder, bundle.file);
    rmSync(archive, { force: true });
    const again = await run();
    const label = `trial ${trial}: ${place}, ${way}: ${file}\n${again.stdout}${again.stderr}`;
    assert.equal(again.status, 0, label);
    assert.equal(report(folder).bundle.digest, bundle.digest, label);
    const digest = createHash('sha256').update(readFileSync(archive)).digest('hex');
    assert.equal(`sha256:${digest}`, bundle.digest, label);
    assert.equal(spawnSync('gzip', ['-t', archive]).status, 0, label);
  }
});
