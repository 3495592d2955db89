import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Sources } from '../../src/build/sources/entries.ts';
import { digestListing, fillView } from '../../src/build/sources/view.ts';
import { listSources } from '../../src/build/sources/walk.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { crateOf, put } from '../support/crate.ts';
import { listTree } from '../support/seen.ts';

const FILES = {
  'Cargo.toml': '[package]\n',
  'src/main.rs': 'fn main() {}\n',
  'samples/a.py': 'print(1)\n',
};

const crate = (t: TestContext): string => crateOf(t, FILES);

const SAMPLES = 'it belongs to the samples of the recipe';

async function look(folder: string): Promise<Sources> {
  const except = new Map([[join(folder, 'samples'), SAMPLES]]);
  return digestListing(await listSources([{ at: '', source: folder }], except));
}

async function digest(folder: string): Promise<string> {
  return (await look(folder)).digest;
}

async function hidden(folder: string): Promise<readonly string[]> {
  return (await look(folder)).hidden.map(({ path }) => path).sort();
}

/** A view beside the crate, brought up to date by each call. */
async function view(t: TestContext, folder: string) {
  const place = temporaryFolder(t);
  const seen = join(place, 'project');
  const update = async (environment?: string): Promise<Sources> => {
    const listing = await listSources(
      [{ at: '', source: folder }],
      new Map([[join(folder, 'samples'), SAMPLES]]),
    );
    return fillView(listing, seen, join(place, 'manifest.json'), environment);
  };
  return { seen, manifest: join(place, 'manifest.json'), update };
}

test('the digest depends on contents, names, modes, links and empty folders, not on times or samples', async (t) => {
  const folder = crate(t);
  const main = join(folder, 'src', 'main.rs');
  const before = await digest(folder);
  utimesSync(main, 1, 1);
  writeFileSync(join(folder, 'samples', 'b.py'), 'print(2)\n');
  assert.equal(await digest(folder), before);

  const seen = new Set([before]);
  const changed = async (): Promise<void> => {
    const now = await digest(folder);
    assert.ok(!seen.has(now));
    seen.add(now);
  };
  writeFileSync(main, 'fn main() { }\n');
  await changed();
  chmodSync(main, 0o755);
  await changed();
  renameSync(main, join(folder, 'src', 'lib.rs'));
  await changed();
  symlinkSync('lib.rs', main);
  await changed();
  mkdirSync(join(folder, 'empty'));
  await changed();
  writeFileSync(join(folder, 'empty', 'x'), '');
  await changed();
});

test('the digest does not depend on the path of the crate', async (t) => {
  assert.equal(await digest(crate(t)), await digest(crate(t)));
});

const TAG = 'Signature: 8a477f597d28d172789f06886806bc55\n';

test('a folder with the tag of caches is hidden wherever it is, and not read; `target` without one is not', async (t) => {
  const folder = crate(t);
  const before = await digest(folder);
  for (const output of ['target', 'fuzz/out', 'artifacts']) {
    put(join(folder, output), { 'CACHEDIR.TAG': TAG, huge: '' });
    // A sparse file: it occupies no space, but takes long to read.
    truncateSync(join(folder, output, 'huge'), 2 * 2 ** 30);
  }
  assert.equal(await digest(folder), before);
  assert.deepEqual(await hidden(folder), ['artifacts', 'fuzz/out', 'samples', 'target']);
  for (const [name, text] of [
    ['src/target/mod.rs', ''],
    ['sub/target/x', ''],
    ['cache/CACHEDIR.TAG', 'not the signature'],
  ] as const) {
    const earlier = await digest(folder);
    put(folder, { [name]: text });
    assert.notEqual(await digest(folder), earlier, name);
  }
});

test('folders of other tools are hidden, and with them a folder that holds nothing else', async (t) => {
  const folder = crate(t);
  const before = await digest(folder);
  put(folder, {
    'web/node_modules/left-pad/index.js': '',
    'python/__pycache__/a.pyc': '',
    '.hg/store': '',
    '.svn/entries': '',
  });
  assert.equal(await digest(folder), before);
  const { seen, update } = await view(t, folder);
  await update();
  assert.deepEqual(readdirSync(seen).sort(), ['Cargo.toml', 'src']);
});

test('`artifacts` is hidden only as far as provision wrote it', async (t) => {
  const folder = crate(t);
  const report = JSON.stringify({ schema: 1, tool: { name: 'provision' } });
  const before = await digest(folder);
  put(folder, {
    // Of a run that ended, of one that is on, of a command that made nothing but logs, and the page of them all.
    'artifacts/aarch64/report.json': report,
    'artifacts/aarch64/x.tar.gz': 'x',
    'artifacts/musl/.provision': 'provision writes its artifacts here: no build sees this folder.\n',
    'artifacts/musl/logs/build.log': '',
    'artifacts/native/logs/build.log': '',
    'artifacts/report.html': '',
    'artifacts/tax.json': '{}',
    'elsewhere/report.json': report,
  });
  assert.equal(await digest(folder), before);
  const counted = [
    ['artifacts/model.txt', 'one'],
    ['artifacts/model.txt', 'two'],
    ['artifacts/data/logs/x', ''],
    ['artifacts/data/y', ''],
    ['src/artifacts/mod.rs', ''],
    ['other/report.json', '{"tool": {"name": "another"}}'],
    ['page/report.html', ''],
    ['damaged/report.json', '{'],
  ] as const;
  for (const [name, text] of counted) {
    const earlier = await digest(folder);
    put(folder, { [name]: text });
    assert.notEqual(await digest(folder), earlier, name);
  }
  const { seen, update } = await view(t, folder);
  await update();
  assert.deepEqual(readdirSync(join(seen, 'artifacts')).sort(), ['data', 'model.txt']);
});

test('symbolic links are shown as they are; those that point outside the project are listed', async (t) => {
  const folder = crate(t);
  symlinkSync('main.rs', join(folder, 'src', 'inside.rs'));
  symlinkSync('../../elsewhere', join(folder, 'src', 'outside.rs'));
  symlinkSync(join(folder, 'src'), join(folder, 'absolute'));
  symlinkSync('loop', join(folder, 'loop'));
  symlinkSync('../src', join(folder, 'src', 'round'));
  assert.deepEqual((await look(folder)).outward, ['absolute', 'src/outside.rs']);
  const { seen, update } = await view(t, folder);
  await update();
  const listed = new Map(listTree(seen));
  assert.equal(listed.get('loop'), 'link loop');
  assert.equal(listed.get('src/round'), 'link ../src');
});

test('sockets, pipes and names that are not UTF-8 are not there; a newline in a name is nothing special', async (t) => {
  const folder = crate(t);
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ path: join(folder, 'socket') }, () => resolve()));
  t.after(() => new Promise((resolve) => server.close(resolve)));
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/bad-`), Buffer.from([0xff])]), 'x');
  assert.deepEqual(await hidden(folder), ['bad-ÿ', 'pipe', 'samples', 'socket']);
  put(folder, { 'src/two\nlines.rs': 'x', ['__proto__']: 'y' });
  const { seen, update } = await view(t, folder);
  await update();
  assert.equal(readFileSync(join(seen, 'src/two\nlines.rs'), 'utf8'), 'x');
  assert.deepEqual(readdirSync(seen).sort(), ['Cargo.toml', '__proto__', 'src']);
});

test('a view holds exactly what is counted, whatever was there, and modes say no more than executable', async (t) => {
  const folder = crate(t);
  put(folder, { 'a/b/c.txt': 'c', 'run.sh': '#!/bin/sh\n', secret: 's' });
  chmodSync(join(folder, 'run.sh'), 0o700);
  chmodSync(join(folder, 'secret'), 0o400);
  mkdirSync(join(folder, 'empty'));
  const { seen, update } = await view(t, folder);
  await update();
  const expected = [
    ['Cargo.toml', 'file 644 [package]\n'],
    ['a', 'folder 755'],
    ['a/b', 'folder 755'],
    ['a/b/c.txt', 'file 644 c'],
    ['empty', 'folder 755'],
    ['run.sh', 'file 755 #!/bin/sh\n'],
    ['secret', 'file 644 s'],
    ['src', 'folder 755'],
    ['src/main.rs', 'file 644 fn main() {}\n'],
  ];
  assert.deepEqual(listTree(seen), expected);
  // A file where a folder was, a folder where a file was, and something that nobody counts.
  rmSync(join(folder, 'a'), { recursive: true });
  put(folder, { a: 'file now' });
  rmSync(join(folder, 'secret'));
  put(folder, { 'secret/inside': 'x' });
  put(seen, { 'src/stray.rs': '', 'empty/stray': '' });
  const { digest: given } = await update();
  assert.equal(given, await digest(folder));
  const listed = new Map(listTree(seen));
  assert.deepEqual(
    ['a', 'secret/inside', 'src/stray.rs', 'empty/stray', 'a/b'].map((path) => listed.get(path)),
    ['file 644 file now', 'file 644 x', undefined, undefined, undefined],
  );
});

test('in a view only what changed gets a new time, whatever the times in the project are', async (t) => {
  const folder = crate(t);
  put(folder, { 'src/lib.rs': 'one' });
  const { seen, manifest, update } = await view(t, folder);
  await update();
  const times = (): number[] =>
    ['src/main.rs', 'src/lib.rs', 'src'].map((name) => statSync(join(seen, name)).mtimeMs);
  const [main, lib, src] = times();
  const later = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await update();
  };
  // Touched, made executable, and written again with the same content: nothing happened.
  utimesSync(join(folder, 'src/lib.rs'), Date.now() / 1000, Date.now() / 1000);
  chmodSync(join(folder, 'src/main.rs'), 0o755);
  await later();
  assert.deepEqual(times(), [main, lib, src]);
  // An older file is put in its place, as `cp -p` and archives do: a newer time all the same.
  writeFileSync(join(folder, 'src/lib.rs'), 'two');
  utimesSync(join(folder, 'src/lib.rs'), 1, 1);
  await later();
  assert.ok((times()[1] as number) > (lib as number));
  assert.deepEqual([times()[0], times()[2]], [main, src]);
  // What was interrupted while it was written, and what is remembered wrongly, is written again.
  const [, again] = times();
  writeFileSync(join(seen, 'src/lib.rs'), 'tw');
  await later();
  assert.equal(readFileSync(join(seen, 'src/lib.rs'), 'utf8'), 'two');
  assert.ok((times()[1] as number) > (again as number));
  writeFileSync(manifest, '[["src/lib.rs", nul');
  const { digest: given } = await update();
  assert.equal(given, await digest(folder));
});

test('what cargo does not see being read makes its readers new: manifests by any change, sources by a list or a variable', async (t) => {
  const folder = crate(t);
  put(folder, {
    'build.rs': '',
    'data.txt': 'one',
    'part/Cargo.toml': '[package]\n',
    'part/src/lib.rs': '',
    'part/src/build.rs': '',
  });
  const { seen, update } = await view(t, folder);
  await update();
  const names = listTree(seen).flatMap(([path, is]) => (is.startsWith('file') ? [path] : []));
  const times = (): readonly number[] => names.map((name) => statSync(join(seen, name)).mtimeMs);
  /** What got a new time by an edit. */
  const renewed = async (edit: () => void, environment?: string): Promise<readonly string[]> => {
    const before = times();
    await new Promise((resolve) => setTimeout(resolve, 20));
    edit();
    await update(environment);
    const now = times();
    return names.filter((_, at) => (now[at] as number) > (before[at] as number));
  };
  const manifests = ['Cargo.toml', 'part/Cargo.toml'];
  const readers = [...manifests, 'part/src/build.rs', 'part/src/lib.rs', 'src/main.rs'];
  assert.deepEqual(await renewed(() => {}), []);
  const edited = () => writeFileSync(join(folder, 'data.txt'), 'two');
  assert.deepEqual(await renewed(edited), ['Cargo.toml', 'data.txt', 'part/Cargo.toml']);
  assert.deepEqual(await renewed(() => chmodSync(join(folder, 'data.txt'), 0o755)), manifests);
  assert.deepEqual(await renewed(() => put(folder, { 'part/more.txt': '' })), readers);
  assert.deepEqual(await renewed(() => rmSync(join(folder, 'part/more.txt'))), readers);
  assert.deepEqual(await renewed(() => mkdirSync(join(folder, 'empty'))), readers);
  assert.deepEqual(await renewed(() => symlinkSync('data.txt', join(folder, 'link'))), readers);
  const turned = () => {
    rmSync(join(folder, 'link'));
    symlinkSync('Cargo.toml', join(folder, 'link'));
  };
  assert.deepEqual(await renewed(turned), manifests);
  assert.deepEqual(await renewed(() => {}, 'other variables'), readers);
  assert.deepEqual(await renewed(() => {}, 'other variables'), []);
});

test('a file of many megabytes is copied and digested as any other', async (t) => {
  const folder = crate(t);
  writeFileSync(join(folder, 'model.bin'), Buffer.alloc(9 * 2 ** 20, 7));
  const { seen, update } = await view(t, folder);
  const { digest: given, bytes } = await update();
  assert.equal(given, await digest(folder));
  assert.ok(bytes > 9 * 2 ** 20);
  assert.ok(readFileSync(join(seen, 'model.bin')).equals(Buffer.alloc(9 * 2 ** 20, 7)));
});

test('the file that the output of the command itself goes to is no source of what it builds', (t) => {
  const folder = crate(t);
  for (const name of ['run.log', 'other.log']) writeFileSync(join(folder, name), 'before\n');
  const script = `const { listSources } = await import(${JSON.stringify(join(REPOSITORY, 'src/build/sources/walk.ts'))});
const { entries, hidden } = await listSources([{ at: '', source: ${JSON.stringify(folder)} }], new Map());
console.error(JSON.stringify([entries.map(({ path }) => path), hidden]));`;
  const output = openSync(join(folder, 'run.log'), 'a');
  const listed = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', output, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(output);
  const [entries, unseen] = JSON.parse(listed.stderr.trim().split('\n').at(-1) as string);
  assert.deepEqual(entries, ['Cargo.toml', 'other.log', 'samples/a.py', 'src/main.rs']);
  assert.deepEqual(unseen, [{ path: 'run.log', why: 'the output of this command goes there' }]);
});
