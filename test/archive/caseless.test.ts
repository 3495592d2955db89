// A store on a file system that takes names which differ by case alone for one, as those of macOS and Windows do.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { packTarGz } from '../../src/archive/pack.ts';
import { isCaseless, nameOf, storedName } from '../../src/archive/stored-names.ts';
import { pack, TREE } from '../../src/engine/docker/pack.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { file, folder, hardLink, symlink, writeDeb } from '../support/deb.ts';
import { CASELESS, NO_FAULT_FS, underFault } from '../support/fault-fs/fault.ts';
import { value } from '../support/sandboxes.ts';
import { unpackingRoot, unpackParts } from '../support/unpacking.ts';

const skip = NO_FAULT_FS;

/** Runs a module's text where `"$1"` is such a file system; what it prints, as JSON. */
async function there<T>(t: TestContext, text: string, ...args: readonly string[]): Promise<T> {
  const own = temporaryFolder(t);
  const [backing, mountedAt, log] = [join(own, 'backing'), join(own, 'mounted'), join(own, 'log.json')];
  for (const place of [backing, mountedAt]) mkdirSync(place);
  const program = join(own, 'program.ts');
  writeFileSync(
    program,
    text.replaceAll('SRC', join(REPOSITORY, 'src')).replaceAll('TEST', join(REPOSITORY, 'test')),
  );
  const words = [program, mountedAt, ...args].map((word) => `'${word}'`).join(' ');
  const line = `"$NODE" --disable-warning=ExperimentalWarning ${words}`;
  const run = await underFault({ line, backing, mountedAt, log }, CASELESS);
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout) as T;
}

test('a file system without case is told from one with it', { skip }, async (t) => {
  assert.equal(isCaseless(temporaryFolder(t)), false);
  assert.equal(isCaseless('/'), false);
  const told = await there<readonly boolean[]>(
    t,
    `import { mkdirSync } from 'node:fs';
    import { isCaseless } from 'SRC/archive/stored-names.ts';
    const at = process.argv[2];
    for (const name of ['Folder', '1', '1/2']) mkdirSync(at + '/' + name);
    console.log(JSON.stringify(['/Folder', '/1/2', '/Folder/none/yet'].map((name) => isCaseless(at + name))));`,
  );
  // What has no letters in its name: the nearest above it that has, which is the folder that it is mounted over.
  assert.deepEqual(told, [true, false, true]);
});

test('where names have case nothing is renamed', (t) => {
  const at = temporaryFolder(t);
  writeFileSync(join(at, 'name'), '');
  assert.equal(nameOf('Name'), 'Name');
  assert.equal(nameOf(storedName(at, 'name')), 'name');
});

/** Packages like those of Linux's headers and of Perl. */
const PACKAGES = [
  [
    folder('./usr/'),
    folder('./usr/include/', { mode: 0o750 }),
    file('./usr/include/xt_MARK.h', 'target'),
    file('./usr/include/xt_mark.h', 'match'),
    file('./usr/include/XT_mark.h', 'third'),
    hardLink('./usr/include/hard', './usr/include/xt_mark.h'),
    symlink('./usr/include/Link', 'xt_MARK.h'),
    symlink('./usr/include/link', 'xt_mark.h'),
  ],
  [
    folder('./usr/share/Pod/', { mode: 0o700 }),
    file('./usr/share/Pod/Usage.pm', 'Usage'),
    folder('./usr/share/pod/'),
    file('./usr/share/pod/perl.pod', 'perl'),
    file('./usr/share/pod/Usage.pm', 'usage'),
  ],
  [
    file('./usr/include/xt_mark.h', 'match'),
    file('./usr/share/pod/own.pod', 'own'),
    file('./usr/share/POD/third.pod', 'third'),
    file('./usr/include/1234', 'no letters'),
  ],
];

const UNPACKS = `import { mkdirSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { packTarGz } from 'SRC/archive/pack.ts';
import { pack, TREE } from 'SRC/engine/docker/pack.ts';
import { listing, unpackFiles } from 'TEST/support/unpacking.ts';
const [at, jobs, ...files] = process.argv.slice(2);
const root = at + '/root';
mkdirSync(root);
const done = await unpackFiles(root, files, { jobs: Number(jobs) });
if (!done.ok) throw new Error(JSON.stringify(done.error));
const tar = Buffer.concat([...pack([{ kind: 'host', path: '', source: root, attributes: TREE }])]);
const bundle = await packTarGz({ root, archive: at + '/out.tar.gz', mtime: 1 });
console.log(JSON.stringify({ files: done.value.files, stored: listing(root).length, tar: tar.toString('base64'), bundle: bundle.value.digest }));`;

interface Packed {
  readonly files: number;
  readonly stored: number;
  readonly tar: string;
  readonly bundle: string;
}

test('packages whose names differ by case alone give the same tree in a container and in an archive', {
  skip,
}, async (t) => {
  const at = unpackingRoot(t);
  const plain = await unpackParts(at, PACKAGES);
  assert.ok(plain.ok);
  const expected = Buffer.concat([...pack([{ kind: 'host', path: '', source: at.root, attributes: TREE }])]);
  const own = temporaryFolder(t);
  const archive = join(own, 'here.tar.gz');
  const bundle = value(await packTarGz({ root: at.root, archive, mtime: 1 }));
  const files = PACKAGES.map((parts, index) => {
    const path = join(own, `${index}.deb`);
    writeDeb(path, parts);
    return path;
  });
  for (const [jobs, order] of [
    ['1', files],
    ['4', files.toReversed()],
    ['3', files],
  ] as const) {
    const packed = await there<Packed>(t, UNPACKS, jobs, ...order);
    assert.deepEqual([packed.files, packed.bundle], [plain.value.files, bundle.digest]);
    const tar = Buffer.from(packed.tar, 'base64');
    writeFileSync(join(own, 'there.tar'), tar);
    writeFileSync(join(own, 'here.tar'), expected);
    const [here, listed] = ['here.tar', 'there.tar'].map(
      (name) => spawnSync('tar', ['-tvf', name], { cwd: own, encoding: 'utf8' }).stdout,
    );
    assert.equal(listed, here);
    assert.deepEqual(tar, expected);
  }
});

test('an archive with a name that only we may give is refused', async (t) => {
  const at = unpackingRoot(t);
  const done = await unpackParts(at, [[file('./usr/x\u{f8e0}1', 'x')]]);
  assert.ok(!done.ok);
  assert.equal(done.error.code, 'archive/bad-name');
});
