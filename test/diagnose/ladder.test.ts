import assert from 'node:assert/strict';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ending, ladderMarkdown, ladderText } from '../../src/diagnose/ladder-text.ts';
import { linkSubtree } from '../../src/diagnose/probe/link-subtree.ts';
import { belongsTo } from '../../src/diagnose/probe/step.ts';
import type { Ladder } from '../../src/domain/blocker.ts';
import { temporaryFolder } from '../support/cli.ts';

const BLOCKER = {
  code: 'missing-target-std',
  stage: 'build',
  title: 'No std | here',
  lines: ["error[E0463]: can't find crate for `core`", '``` fenced'],
  because: 'It is apart.',
  cure: 'rustup target add far',
  file: 'probe/missing-target-std.json',
  log: 'probe/missing-target-std.log',
};

const LADDER: Ladder = {
  schema: 1,
  recipe: 'far',
  target: 'far-unknown',
  started: '2026-01-02T03:04:05.678Z',
  ms: 61_000,
  versions: { rustc: '1.85.1' },
  outcome: 'runs',
  steps: [
    {
      number: 0,
      name: 'nothing',
      title: 'nothing provisioned',
      adds: [],
      command: 'cargo build',
      ms: 900,
      blocker: BLOCKER,
    },
    {
      ...{
        number: 1,
        name: 'target-std',
        title: "Rust's standard library for the target",
        adds: ['RUSTFLAGS: --sysroot=/x'],
      },
      ...{ command: 'cargo build', ms: 2000, cures: 'missing-target-std' },
    },
  ],
  totals: { samples: 3, passed: 2, failed: 0, skipped: 1 },
};

test('the ladder as Markdown shows which step fixes which blocker, with the output of the tools', () => {
  const text = ladderMarkdown(LADDER);
  assert.match(text, /\| 0 \| nothing provisioned \| {2}\| `missing-target-std` \|/);
  assert.match(text, /\| 1 \| \+ Rust's standard library for the target \| `missing-target-std` \| {2}\|/);
  assert.match(text, /\n````\nerror\[E0463\].*\n``` fenced\n````\n/);
  assert.match(text, /Fix by hand: `rustup target add far`/);
  assert.match(text, /- rustc 1\.85\.1/);
});

test('the outcome is one sentence, and the table fits into 80 columns', () => {
  assert.equal(
    ending(LADDER),
    'Runs on far-unknown after 1 steps: 2 of 3 samples equal the reference, 1 skipped.',
  );
  const blocked: Ladder = { ...LADDER, outcome: 'blocked', steps: LADDER.steps.slice(0, 1) };
  assert.match(ending(blocked), /^Blocked on far-unknown after 0 steps: No std/);
  for (const line of ladderText(LADDER).trimEnd().split('\n')) assert.ok(line.length <= 80, line);
});

test('linkSubtree takes folders, the wanted files and links as they are, and leaves the tree unchanged', async (t) => {
  const place = temporaryFolder(t);
  const from = join(place, 'from');
  mkdirSync(join(from, 'usr/lib/rustlib/far/lib'), { recursive: true });
  mkdirSync(join(from, 'usr/lib/python3.13'));
  symlinkSync('usr/lib', join(from, 'lib'));
  writeFileSync(join(from, 'usr/lib/rustlib/far/lib/libcore.rlib'), 'core');
  writeFileSync(join(from, 'usr/lib/libpython3.13.so.1.0'), 'python');
  symlinkSync('libpython3.13.so.1.0', join(from, 'usr/lib/libpython3.13.so'));
  writeFileSync(join(from, 'usr/lib/python3.13/os.py'), 'os');
  writeFileSync(join(from, 'usr/lib/libc.so.6'), 'c');
  writeFileSync(join(from, 'usr/lib/libz.a'), 'z');
  linkSync(join(from, 'usr/lib/libc.so.6'), join(from, 'usr/lib/libm.so.6'));
  const files = (folder: string, below = ''): readonly string[] =>
    readdirSync(join(folder, below), { withFileTypes: true })
      .flatMap((entry) =>
        entry.isDirectory() ? files(folder, join(below, entry.name)) : [join(below, entry.name)],
      )
      .sort();
  const python = {
    link: { libraries: [{ name: 'z', linkage: 'static' }], folders: [], whole: false },
  } as const;
  const part = async (
    name: 'target-std' | 'libc' | 'libpython' | 'link-libraries',
  ): Promise<readonly string[]> => {
    const to = join(place, name);
    await linkSubtree(from, to, (path) => belongsTo(name, path, python));
    return files(to);
  };
  assert.deepEqual(await part('target-std'), ['usr/lib/rustlib/far/lib/libcore.rlib']);
  assert.deepEqual(await part('libpython'), [
    'usr/lib/libpython3.13.so',
    'usr/lib/libpython3.13.so.1.0',
    'usr/lib/python3.13/os.py',
  ]);
  assert.deepEqual(await part('link-libraries'), ['usr/lib/libz.a']);
  assert.deepEqual(await part('libc'), ['lib', 'usr/lib/libc.so.6', 'usr/lib/libm.so.6']);
  assert.equal(readlinkSync(join(place, 'libc', 'lib')), 'usr/lib');
  assert.equal(readFileSync(join(place, 'libc', 'usr/lib/libc.so.6'), 'utf8'), 'c');
  assert.equal(
    statSync(join(place, 'libc/usr/lib/libc.so.6')).ino,
    statSync(join(from, 'usr/lib/libc.so.6')).ino,
  );
});
