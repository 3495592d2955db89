// Damage anywhere in a real store: the next run delivers the same bytes, with exit code 0 and nothing done by hand.
// PROVISION_TEST_TRIALS sets how many times, PROVISION_TEST_SEED which damage.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { before, test } from 'node:test';
import { PACKAGED_AARCH64, provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { cloneStore } from '../support/clone-store.ts';
import { numbers } from '../support/random.ts';

const TRIALS = Number(process.env.PROVISION_TEST_TRIALS ?? 9);
const MANY = TRIALS >= 20;
const SEED = Number(process.env.PROVISION_TEST_SEED ?? 1);
const SAMPLE = join(REPOSITORY, 'runner', 'samples', 'any', 'containers.py');

type Random = (below: number) => number;

interface Report {
  readonly bundle: { readonly file: string; readonly digest: string };
}

interface Entry {
  readonly folder: string;
  readonly what: string;
}

class Damaged {
  readonly #store: string;
  readonly #random: Random;
  /** Milliseconds since the epoch: what was used later counts, and not what other tests have left. */
  #since = 0;

  constructor(store: string, random: Random) {
    this.#store = store;
    this.#random = random;
  }

  usedSince(since: number): void {
    this.#since = since;
  }

  /** Entries by what they were made of; a record that is damaged is of nothing. */
  entries(kind: 'trees' | 'builds', wanted = /^/): readonly Entry[] {
    const folder = join(this.#store, kind);
    return readdirSync(folder)
      .filter((name) => this.#isUsed(join(folder, name, 'entry.json')))
      .map((name) => ({ folder: join(folder, name), what: whatOf(join(folder, name, 'entry.json')) }))
      .filter(({ what }) => wanted.test(what));
  }

  remove(kind: 'trees' | 'builds', wanted: RegExp): void {
    for (const { folder } of this.entries(kind, wanted)) rmSync(folder, { recursive: true, force: true });
  }

  /** A file that is there, of some in which damage may matter. */
  choose(files: readonly string[]): string | undefined {
    return files.length === 0 ? undefined : files[this.#random(files.length)];
  }

  below(kind: 'trees' | 'builds', wanted?: RegExp, path?: RegExp): readonly string[] {
    return this.entries(kind, wanted).flatMap(({ folder }) => filesBelow(join(folder, 'root'), path));
  }

  records(): readonly string[] {
    return (['trees', 'builds'] as const).flatMap((kind) =>
      this.entries(kind).flatMap(({ folder }) => filesBelow(folder, /^(?:entry\.json|manifest)$/, false)),
    );
  }

  /** Files whose own times say when they were used. */
  in(folder: string): readonly string[] {
    return filesBelow(join(this.#store, folder)).filter((file) => this.#isUsed(file));
  }

  /** Blobs are used when they are unpacked: those of the packages that the trees are of. */
  blobs(): readonly string[] {
    const named = this.entries('trees', /^packages$/).flatMap(({ folder }) => {
      const { packages } = JSON.parse(readFileSync(join(folder, 'entry.json'), 'utf8')).inputs;
      return (packages as string[]).map((digest) => join(this.#store, 'blobs', digest.replace(':', '/')));
    });
    return named.filter((file) => existsSync(file));
  }

  #isUsed(file: string): boolean {
    return (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) >= this.#since;
  }
}

function whatOf(record: string): string {
  try {
    return String(JSON.parse(readFileSync(record, 'utf8')).inputs.what);
  } catch {
    return '';
  }
}

function filesBelow(folder: string, pattern = /^/, recursive = true): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive, encoding: 'utf8' })
    .filter((name) => pattern.test(name))
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .sort();
}

/** The copy of a store is one by links: what is changed in place must be no other store's. */
function ownCopy(file: string): void {
  const { atime, mtime, mode, nlink } = statSync(file);
  if (nlink === 1) return;
  const copy = `${file}.copy`;
  copyFileSync(file, copy);
  chmodSync(copy, mode);
  utimesSync(copy, atime, mtime);
  renameSync(copy, file);
}

const WAYS: readonly (readonly [string, (file: string, random: Random) => void])[] = [
  ['flip', (file, random) => flip(file, random)],
  [
    'flip, with the time of before',
    (file, random) => {
      const { atime, mtime } = statSync(file);
      flip(file, random);
      utimesSync(file, atime, mtime);
    },
  ],
  ['truncate', (file, random) => truncateSync(file, random(Math.max(1, statSync(file).size)))],
  ['empty', (file) => truncateSync(file, 0)],
  ['delete', (file) => rmSync(file)],
  [
    'swap',
    (file, random) => {
      const beside = filesBelow(dirname(file), /^/, false).filter((path) => path !== file);
      if (beside.length === 0) return rmSync(file);
      const other = beside[random(beside.length)] as string;
      renameSync(file, `${file}.aside`);
      renameSync(other, file);
      renameSync(`${file}.aside`, other);
    },
  ],
  [
    'a folder in its place',
    (file) => {
      rmSync(file);
      mkdirSync(file);
    },
  ],
];

function flip(file: string, random: Random): void {
  const bytes = readFileSync(file);
  const at = random(Math.max(1, bytes.length));
  if (bytes.length > 0) bytes[at] = (bytes[at] as number) ^ (1 << random(8));
  writeFileSync(file, bytes);
}

const PACKED = /^usr\/lib\/(?:python3\.\d+\/|aarch64-linux-gnu\/lib[^/]*\.so)/;

/** What is damaged; and what is removed, so that something has to be made of it, in one of several trials. */
const PLACES: readonly (readonly [string, (of: Damaged) => readonly string[], ((of: Damaged) => void)?])[] = [
  ['a bundle', (of) => of.below('builds', /^bundle$/)],
  ['an unpacked bundle', (of) => of.below('builds', /^unpacked bundle$/)],
  ['a program', (of) => of.below('builds', /^program$/), (of) => of.remove('builds', /bundle$/)],
  ['any build', (of) => of.below('builds'), (of) => of.remove('builds', /bundle$|^program$/)],
  ['what is packed', (of) => of.below('trees', /^packages$/, PACKED), (of) => of.remove('builds', /bundle$/)],
  [
    'what is linked or compiled with',
    (of) => of.below('trees', /^packages$/, /^usr\/(?:lib\/(?:rustlib|gcc|aarch64-linux-gnu)\/|bin\/)/),
    (of) => of.remove('builds', /bundle$|^program$/),
  ],
  ['any tree', (of) => of.below('trees'), (of) => of.remove('builds', /bundle$/)],
  ['a record', (of) => of.records(), (of) => of.remove('builds', /bundle$/)],
  ['a result', (of) => of.in('results')],
  ['a blob', (of) => of.blobs(), (of) => of.remove('trees', /^(?:packages|composed)$/)],
];

before(async () => {
  const cwd = temporaryFolder({ after: (done) => process.once('exit', done) });
  const args = [PACKAGED_AARCH64, '--samples', SAMPLE];
  const run = await provision(args, { store: SHARED_STORE, cwd, timeoutMs: 30 * 60_000 });
  assert.equal(run.status, 0, run.stdout + run.stderr);
});

test('after damage in any place the run delivers the bytes of before', async (t) => {
  const folder = temporaryFolder(t);
  const store = cloneStore(folder);
  const random = numbers(SEED);
  const damaged = new Damaged(store, random);
  // Before the first run, which notes their inodes: what goes into a bundle may then be damaged without a trace but its bytes.
  for (const file of [...damaged.below('builds'), ...damaged.below('trees', /^packages$/, PACKED)])
    ownCopy(file);
  const archive = (): string => join(folder, bundleOf(folder).file);
  const run = () =>
    provision([PACKAGED_AARCH64, '--samples', SAMPLE], { cwd: folder, store, timeoutMs: 30 * 60_000 });
  const since = Date.now() - 1000;
  const first = await run();
  assert.equal(first.status, 0, first.stdout + first.stderr);
  damaged.usedSince(since);
  const { digest } = bundleOf(folder);
  let noticed = 0;
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const [place, files, remove] = PLACES[trial % PLACES.length] as (typeof PLACES)[number];
    const [way, damage] = WAYS[random(WAYS.length)] as (typeof WAYS)[number];
    const file = damaged.choose(files(damaged));
    assert.ok(file !== undefined, place);
    ownCopy(file);
    damage(file, random);
    // Unpacking all packages takes half a minute.
    const makes = random(place === 'a blob' ? (MANY ? 4 : 1) : 2) === 0;
    if (makes) remove?.(damaged);
    // Also what was delivered may be damaged, or gone.
    const delivery = random(3);
    if (delivery === 0) rmSync(archive(), { force: true });
    if (delivery === 1) flip(archive(), random);
    const again = await run();
    const told = `seed ${SEED}, trial ${trial}: ${place}, ${way}, ${makes ? 'made anew' : 'found'}: ${relative(store, file)}`;
    if (MANY) process.stderr.write(`${again.status} ${again.ms.toFixed(0)} ms ${told}\n`);
    const label = `${told}\n${again.stdout}${again.stderr}`;
    assert.equal(again.status, 0, label);
    assert.equal(bundleOf(folder).digest, digest, label);
    const delivered = createHash('sha256').update(readFileSync(archive())).digest('hex');
    assert.equal(`sha256:${delivered}`, digest, label);
    assert.equal(spawnSync('gzip', ['-t', archive()]).status, 0, label);
    if (/store\/damaged/.test(again.stdout + again.stderr)) noticed += 1;
  }
  // Damage in what a run does not need is nobody's business; all the same it must have met some.
  assert.ok(noticed > 0, 'no damage was noticed');
  const repaired = await provision(['store', 'verify', '--repair'], { cwd: folder, store });
  assert.equal(repaired.status, 0, repaired.stdout + repaired.stderr);
  const last = await run();
  assert.equal(last.status, 0, last.stdout + last.stderr);
  assert.equal(bundleOf(folder).digest, digest);
});

test('a source of the reference that was changed without a trace is neither compiled nor a reason to ship less', async (t) => {
  const folder = temporaryFolder(t);
  const store = cloneStore(folder);
  const damaged = new Damaged(store, numbers(SEED));
  const run = () =>
    provision([PACKAGED_AARCH64, '--samples', SAMPLE], { cwd: folder, store, timeoutMs: 30 * 60_000 });
  const MODULE = /^usr\/lib\/python3\.\d+\/email\/base64mime\.py$/;
  for (const file of damaged.below('trees', /^packages$/, MODULE)) ownCopy(file);
  const first = await run();
  assert.equal(first.status, 0, first.stdout + first.stderr);
  const { digest } = bundleOf(folder);
  for (const made of [/bundle$/, /bundle$|^bytecode$|^reference home$/]) {
    for (const file of damaged.below('trees', /^packages$/, MODULE)) {
      const { atime, mtime } = statSync(file);
      // A constant of the module's: it is compiled as before.
      writeFileSync(file, readFileSync(file, 'utf8').replace('MISC_LEN = 7', 'MISC_LEN = 8'));
      utimesSync(file, atime, mtime);
    }
    damaged.remove('builds', made);
    const again = await run();
    assert.equal(again.status, 0, again.stdout + again.stderr);
    assert.match(again.stdout + again.stderr, /store\/damaged/, String(made));
    assert.equal(bundleOf(folder).digest, digest, String(made));
  }
});

function bundleOf(folder: string): Report['bundle'] {
  const file = join(folder, 'artifacts', 'aarch64', 'report.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as Report).bundle;
}
