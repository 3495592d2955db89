import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf, type Part, pack, TREE, Unreadable } from '../../src/engine/docker/pack.ts';
import { temporaryFolder } from '../support/cli.ts';

const LONG = `${'long'.repeat(40)}/${'name'.repeat(40)}`;

/** A tree with everything that a package may bring; `order` is that of its making. */
function makeTree(root: string, order: 'forward' | 'backward'): string {
  mkdirSync(root);
  const steps = [
    () => writeFileSync(join(root, 'b'), 'content\n', { mode: 0o755 }),
    () => writeFileSync(join(root, 'a.b'), Buffer.alloc(2_500_000, 'x')),
    () => mkdirSync(join(root, 'a', 'sub'), { recursive: true }),
    () => mkdirSync(join(root, LONG), { recursive: true }),
    () => writeFileSync(join(root, 'ä ü'), 'not ascii'),
    () => symlinkSync('/absolute/target', join(root, 'link')),
    () => writeFileSync(join(root, 'empty'), ''),
  ];
  for (const step of order === 'forward' ? steps : steps.reverse()) step();
  linkSync(join(root, 'b'), join(root, 'a', 'sub', 'hard'));
  writeFileSync(join(root, LONG, 'deep'), 'deep');
  return root;
}

function tree(source: string): readonly Part[] {
  return [{ kind: 'host', path: '', source, attributes: TREE }];
}

test('equal trees are packed to equal bytes, whenever and in whatever order they were made', async (t) => {
  const folder = temporaryFolder(t);
  const [one, two] = [makeTree(join(folder, 'one'), 'forward'), makeTree(join(folder, 'two'), 'backward')];
  utimesSync(join(two, 'b'), 1, 1);
  assert.equal(await digestOf(tree(one)), await digestOf(tree(two)));
  writeFileSync(join(two, 'empty'), '.');
  assert.notEqual(await digestOf(tree(one)), await digestOf(tree(two)));
});

test("tar(1) unpacks what was packed: names, modes, links, hard links, nobody's names", (t) => {
  const folder = temporaryFolder(t);
  const root = makeTree(join(folder, 'tree'), 'forward');
  const archive = join(folder, 'tree.tar');
  writeFileSync(archive, Buffer.concat([...pack(tree(root))]));
  const to = join(folder, 'unpacked');
  mkdirSync(to);
  execFileSync('tar', ['-C', to, '-xpf', archive]);
  execFileSync('diff', ['-r', '--no-dereference', root, to]);
  assert.equal(readlinkSync(join(to, 'link')), '/absolute/target');
  assert.equal(lstatSync(join(to, 'b')).ino, lstatSync(join(to, 'a/sub/hard')).ino);
  assert.equal(lstatSync(join(to, 'b')).mode & 0o7777, 0o755);
  assert.equal(readFileSync(join(to, LONG, 'deep'), 'utf8'), 'deep');
  const listed = execFileSync('tar', ['--numeric-owner', '-tvf', archive], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, TZ: 'UTC' },
  });
  for (const line of listed.trim().split('\n')) assert.match(line, /^\S+ 0\/0 +\d+ 1980-01-01 00:00 /);
});

test('sources keep their times, to the millisecond and never earlier', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'file'), 'x');
  utimesSync(join(folder, 'file'), 1_700_000_000.1234, 1_700_000_000.1234);
  const attributes = { uid: 7, gid: 8, mtime: 'kept', shift: 5000 } as const;
  const bytes = Buffer.concat([
    ...pack([{ kind: 'host', path: 'f', source: join(folder, 'file'), attributes }]),
  ]);
  assert.match(bytes.toString('latin1'), /mtime=1700000005\.124\n/);
});

test('folders are left out by name; sockets are not packed', async (t) => {
  const folder = temporaryFolder(t, 'so-');
  mkdirSync(join(folder, 'src', 'target'), { recursive: true });
  writeFileSync(join(folder, 'src', 'target', 'output'), 'large');
  writeFileSync(join(folder, 'target'), 'a file of that name is a source');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
  t.after(() => server.close());
  const bytes = Buffer.concat([
    ...pack([
      { kind: 'host', path: '', source: folder, attributes: TREE, without: (_, name) => name === 'target' },
    ]),
  ]);
  const names = execFileSync('tar', ['-t'], { input: bytes, encoding: 'utf8' }).trim().split('\n');
  assert.deepEqual(names, ['src/', 'target']);
});

test('what cannot be read is a failure, not a hole in the archive', (t) => {
  const folder = temporaryFolder(t);
  const missing = [...tree(join(folder, 'missing'))];
  assert.throws(
    () => [...pack(missing)],
    (error) => error instanceof Unreadable && error.failure.code === 'engine/unreadable-source',
  );
});
