import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { DefinitionFile, ImageDefinition } from '../../src/domain/definitions.ts';
import type { Lock, LockedPackage } from '../../src/domain/packages.ts';
import { definitionChecksum } from '../../src/lock/checksum.ts';
import { formatLock, readLock, writeLock } from '../../src/lock/lockfile.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';

const DEFINITION: ImageDefinition = {
  kind: 'image',
  name: 'tools',
  description: 'Tools.',
  suite: 'trixie',
  rootfs: { architecture: 'amd64', packages: ['bash', 'make'], exclude: [], links: {}, files: {} },
  tools: {},
  rustStd: {},
};

const PACKAGES: readonly LockedPackage[] = ['bash', 'make'].map((name, i) => ({
  name,
  version: `2:5.${i}-1+b1~x`,
  architecture: i === 0 ? 'amd64' : 'all',
  path: `pool/main/${name[0]}/${name}/${name}_5.${i}-1+b1~x_amd64.deb`,
  digest: `sha256:${String(i).repeat(64)}`,
  size: 1000 + i,
}));

const LOCK: Lock = {
  schema: 1,
  definition: definitionChecksum(DEFINITION),
  suite: 'trixie',
  resolved: '2026-01-31T12:00:00Z',
  sets: { rootfs: PACKAGES },
};

function lockedDefinition(t: TestContext, content?: string): DefinitionFile {
  const folder = join(temporaryFolder(t), 'docker', 'tools');
  mkdirSync(folder, { recursive: true });
  const file = {
    id: 'docker/tools',
    file: join(folder, 'image.yaml'),
    lockFile: join(folder, 'image.lock'),
    lockPath: 'docker/test/image.lock',
  };
  if (content !== undefined) writeFileSync(file.lockFile, content);
  return file;
}

test('a lock is read as it was written, and nothing is left beside it', async (t) => {
  const file = lockedDefinition(t);
  assert.deepEqual(await writeLock(file, LOCK), { ok: true, value: undefined });
  assert.deepEqual(await readLock(file, DEFINITION), { ok: true, value: LOCK });
  assert.deepEqual(readdirSync(dirname(file.lockFile)), ['image.lock']);
});

test('a lock has one package a line, and ends with a newline', () => {
  const lines = formatLock({ ...LOCK, sets: { sysroot: PACKAGES, rootfs: [] } }).split('\n');
  assert.equal(lines.at(-1), '');
  assert.equal(lines.filter((line) => line.includes('"digest"')).length, 2);
  assert.ok(lines.every((line) => [...line.matchAll(/"name"/g)].length <= 1));
  assert.ok(
    lines.findIndex((line) => line.includes('"rootfs"')) <
      lines.findIndex((line) => line.includes('"sysroot"')),
  );
  assert.deepEqual(JSON.parse(lines.join('\n')).sets, { rootfs: [], sysroot: PACKAGES });
});

test('a lock that cannot be written fails with its path', async (t) => {
  const file = lockedDefinition(t);
  const elsewhere = { ...file, lockFile: join(file.lockFile, 'deeper', 'image.lock') };
  const written = await writeLock(elsewhere, LOCK);
  assert.ok(!written.ok);
  assert.equal(written.error.code, 'lock/unwritable');
  assert.ok(written.error.fix[0]?.includes(elsewhere.lockFile));
});

test('a missing lock fails with the command that makes it', async (t) => {
  const file = lockedDefinition(t);
  const read = await readLock(file, DEFINITION);
  assert.ok(!read.ok);
  assert.equal(read.error.code, 'lock/missing');
  assert.ok(read.error.what.includes(file.lockFile));
  assert.deepEqual(read.error.fix, ['Run `provision lock docker/tools`.']);
});

test('a definition that asks for other packages makes its lock stale; the failure names file and command', async (t) => {
  const { rootfs } = DEFINITION;
  const changes: readonly ImageDefinition[] = [
    { ...DEFINITION, suite: 'forky' },
    { ...DEFINITION, rootfs: { ...rootfs, packages: ['bash', 'make', 'sed'] } },
    { ...DEFINITION, rootfs: { ...rootfs, without: ['make'] } },
    { ...DEFINITION, rootfs: { ...rootfs, architecture: 's390x' } },
  ];
  for (const changed of changes) {
    const file = lockedDefinition(t, formatLock(LOCK));
    const read = await readLock(file, changed);
    assert.ok(!read.ok);
    assert.equal(read.error.code, 'lock/stale');
    assert.ok(read.error.what.includes(file.file));
    assert.match(read.error.fix[0] ?? '', /`provision lock docker\/tools`/);
  }
});

test('keys that do not affect the packages do not make a lock stale', async (t) => {
  const { rootfs } = DEFINITION;
  const changed: ImageDefinition = {
    ...DEFINITION,
    description: 'Other words.',
    tools: { cc: 'clang' },
    rootfs: {
      ...rootfs,
      packages: ['make', 'bash', 'make'],
      without: [],
      exclude: ['usr/share/**'],
      links: { a: 'b' },
    },
  };
  assert.deepEqual(await readLock(lockedDefinition(t, formatLock(LOCK)), changed), { ok: true, value: LOCK });
});

test('text that is not JSON fails with line, column and what was expected', async (t) => {
  const text = formatLock(LOCK);
  const cases: readonly [from: string, to: string, line: number, column: number, expected: RegExp][] = [
    ['"suite": "trixie",', '"suite": "trixie"', 5, 3, /"," or "}" was expected/],
    ['"suite": "trixie"', '"suite": trixie', 4, 12, /a value was expected/],
    ['"suite":', '"suite"', 4, 10, /":" was expected/],
    ['"suite": "trixie"', '"suite": "trixie', 4, 12, /the end of this string was expected/],
    ['  "suite"', '  suite', 4, 3, /a key in double quotes was expected/],
    ['  }\n}\n', '  }\n', 11, 4, /"," or "}" was expected/],
    ['  }\n}\n', '  }\n}\n}\n', 13, 1, /the end of the file was expected/],
    ['"size": 1000', '"size": 01000', 8, 224, /a value was expected/],
  ];
  for (const [from, to, line, column, expected] of cases) {
    assert.ok(text.includes(from), from);
    const read = await readLock(lockedDefinition(t, text.replace(from, to)), DEFINITION);
    assert.ok(!read.ok);
    assert.equal(read.error.code, 'lock/malformed');
    assert.match(read.error.what, expected);
    assert.deepEqual([read.error.at?.line, read.error.at?.column], [line, column], from);
  }
});

test('a merge conflict left in a lock is reported as one', async (t) => {
  const text = formatLock(LOCK).replace('  "suite"', '<<<<<<< HEAD\n  "suite"');
  const read = await readLock(lockedDefinition(t, text), DEFINITION);
  assert.ok(!read.ok);
  assert.match(read.error.why ?? '', /merge conflict/);
  assert.deepEqual([read.error.at?.line, read.error.at?.text], [4, '<<<<<<< HEAD']);
});

test('an empty file and other JSON are rejected as locks', async (t) => {
  for (const text of ['', '\n', 'null', '[]', '"lock"', '{}', '{"schema": 1}']) {
    const read = await readLock(lockedDefinition(t, text), DEFINITION);
    assert.ok(!read.ok, text);
    assert.equal(read.error.code, 'lock/malformed', text);
    assert.equal(read.error.at?.line, 1, text);
  }
});

test('every field is checked, and the failure has the location of the mistake', async (t) => {
  const cases: readonly [what: string, change: (lock: Loose) => void, line: number, message: RegExp][] = [
    ['newer schema', (lock) => (lock.schema = 2), 2, /`schema` must be 1/],
    ['digest of the definition', (lock) => (lock.definition = 'sha256:xyz'), 3, /`definition` must be/],
    ['suite', (lock) => (lock.suite = '../x'), 4, /`suite` must be/],
    ['time', (lock) => (lock.resolved = '2026-02-31'), 5, /`resolved` must be a time/],
    ['time that is none', (lock) => (lock.resolved = '2026-13-31T12:00:00Z'), 5, /`resolved` must be a time/],
    ['unknown key', (lock) => (lock.host = 'x'), 2, /`host` must be left out/],
    ['unknown set', (lock) => (lock.sets.other = []), 11, /`sets\.other` must be left out/],
    ['missing set', (lock) => delete lock.sets.rootfs, 6, /`sets` must be an object with `rootfs`/],
    ['set that is no list', (lock) => (lock.sets.rootfs = {}), 7, /a list of packages/],
    ['package that is none', (lock) => (lock.sets.rootfs[1] = 7), 9, /`sets\.rootfs\[1\]` must be an object/],
    ['name', (lock) => (first(lock).name = 'Bash'), 8, /`sets\.rootfs\[0\]\.name` must be/],
    ['version', (lock) => (first(lock).version = '1 2'), 8, /\.version` must be/],
    ['architecture', (lock) => (first(lock).architecture = 's390x'), 8, /must be `amd64` or `all`/],
    ['digest', (lock) => (first(lock).digest = `sha256:${'A'.repeat(64)}`), 8, /\.digest` must be/],
    ['another hash', (lock) => (first(lock).digest = `md5:${'0'.repeat(32)}`), 8, /\.digest` must be/],
    ['size 0', (lock) => (first(lock).size = 0), 8, /\.size` must be a whole number/],
    ['size below 0', (lock) => (first(lock).size = -1), 8, /\.size` must be a whole number/],
    ['size in words', (lock) => (first(lock).size = '1000'), 8, /\.size` must be a whole number/],
    ['size in parts', (lock) => (first(lock).size = 1.5), 8, /\.size` must be a whole number/],
    ['missing field', (lock) => delete first(lock).size, 8, /an object with `size`/],
    ['further field', (lock) => (first(lock).url = 'x'), 8, /\.url` must be left out/],
    ['package twice', (lock) => lock.sets.rootfs.push(first(lock)), 10, /`bash` is listed twice/],
  ];
  for (const [what, change, line, message] of cases) {
    const lock = JSON.parse(JSON.stringify(LOCK)) as Loose;
    change(lock);
    const read = await readLock(lockedDefinition(t, looseText(lock)), DEFINITION);
    assert.ok(!read.ok, what);
    assert.equal(read.error.code, 'lock/malformed', what);
    assert.match(read.error.what, message, what);
    if (!what.startsWith('unknown key')) assert.equal(read.error.at?.line, line, what);
  }
});

test('paths that lead out of the archive, or are not paths, are rejected', async (t) => {
  const bad = [
    '/etc/passwd.deb',
    '../x.deb',
    'pool/../x.deb',
    'pool//x.deb',
    'pool/./x.deb',
    'pool/x',
    'pool/x.deb/',
  ];
  const worse = [
    'pool/x.deb?y',
    'pool/x.deb#y',
    'pool\\x.deb',
    'pool/%2e%2e/x.deb',
    'http://host/x.deb',
    '',
    '.deb',
    'pool/x y.deb',
  ];
  for (const path of [...bad, ...worse]) {
    const lock = JSON.parse(JSON.stringify(LOCK)) as Loose;
    first(lock).path = path;
    const read = await readLock(lockedDefinition(t, looseText(lock)), DEFINITION);
    assert.ok(!read.ok, path);
    assert.match(read.error.what, /\.path` must be/, path);
  }
});

test('up to five mistakes are reported at once', async (t) => {
  const lock = JSON.parse(JSON.stringify(LOCK)) as Loose;
  for (const each of lock.sets.rootfs) Object.assign(each, { name: '', version: '', size: 0, path: '' });
  const read = await readLock(lockedDefinition(t, looseText(lock)), DEFINITION);
  assert.ok(!read.ok);
  assert.equal(read.error.also?.length, 4);
});

// biome-ignore lint/suspicious/noExplicitAny: what is broken here on purpose has no type.
type Loose = any;

function first(lock: Loose): Loose {
  return lock.sets.rootfs[0];
}

/** Like `formatLock`, for values that are no locks: one line for each key, set and package. */
function looseText({ sets, ...head }: Loose): string {
  const lines = Object.entries(head).map(
    ([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`,
  );
  const lists = Object.entries(sets).map(([name, list]) => {
    const text = Array.isArray(list)
      ? `[\n${list.map((each) => `      ${JSON.stringify(each)}`).join(',\n')}\n    ]`
      : JSON.stringify(list);
    return `    ${JSON.stringify(name)}: ${text}`;
  });
  return `{\n${lines.join('')}  "sets": {\n${lists.join(',\n')}\n  }\n}\n`;
}

test('the locks of this repository are written as this code writes them, and name no host', () => {
  for (const folder of ['docker', 'pythons', 'sysroots', 'systems']) {
    const names = readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: 'utf8' });
    const locks = names.filter((name) => name.endsWith('.lock'));
    assert.ok(locks.length > 0);
    for (const name of locks) {
      const text = readFileSync(join(REPOSITORY, folder, name), 'utf8');
      assert.equal(formatLock(JSON.parse(text) as Lock), text, name);
      assert.doesNotMatch(text, /:\/\//, name);
    }
  }
});

test('a lock that is nested without end, or has a set of no packages, is malformed', async (t) => {
  for (const text of ['['.repeat(100_000), formatLock({ ...LOCK, sets: { rootfs: [] } })]) {
    const result = await readLock(lockedDefinition(t, text), DEFINITION);
    assert.ok(!result.ok);
    assert.equal(result.error.code, 'lock/malformed');
    assert.ok(result.error.at !== undefined);
  }
});
