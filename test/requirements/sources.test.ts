// What `python.packages` can name, read for a target: the right values, and every mistake at its place.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { PythonSelection } from '../../src/domain/python-packages.ts';
import type { Result } from '../../src/domain/result.ts';
import type { Failure } from '../../src/failure.ts';
import type { PackageEnvironment } from '../../src/requirements/environment.ts';
import { readPythonSources } from '../../src/requirements/read.ts';
import { temporaryFolder } from '../support/cli.ts';
import { makeWheel } from '../support/wheel.ts';

const HASH = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;

const AARCH64: PackageEnvironment = {
  triple: 'aarch64-unknown-linux-gnu',
  version: '3.13.5',
  tags: { minor: '3.13', abiflags: '', platforms: ['manylinux_2_41_aarch64', 'manylinux_2_17_aarch64'] },
  variables: {
    os_name: 'posix',
    sys_platform: 'linux',
    platform_system: 'Linux',
    platform_machine: 'aarch64',
    python_version: '3.13',
    python_full_version: '3.13.5',
    implementation_name: 'cpython',
  },
};

const STATIC: PackageEnvironment = {
  ...AARCH64,
  triple: 'x86_64-unknown-linux-musl',
  tags: { ...AARCH64.tags, platforms: [] },
  why: 'Programs are static.',
};

interface Asked {
  readonly sources: readonly string[];
  readonly files?: Readonly<Record<string, string | Buffer>>;
  readonly extras?: readonly string[];
  readonly groups?: readonly string[];
  readonly environment?: PackageEnvironment;
}

async function read(
  t: TestContext,
  { sources, files = {}, extras = [], groups = [], environment = AARCH64 }: Asked,
): Promise<Result<PythonSelection>> {
  const folder = temporaryFolder(t);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  const at = { file: join(folder, 'provision.yaml'), line: 5, column: 7 };
  return readPythonSources(
    sources.map((text) => ({ text, folder, extras, groups, at })),
    environment,
  );
}

async function selected(t: TestContext, asked: Asked): Promise<PythonSelection> {
  const found = await read(t, asked);
  assert.ok(found.ok, JSON.stringify(found));
  return found.value;
}

async function refused(t: TestContext, asked: Asked): Promise<Failure> {
  const found = await read(t, asked);
  assert.ok(!found.ok, JSON.stringify(found));
  return found.error;
}

function names({ index }: PythonSelection): readonly string[] {
  return index.map(({ name, specifier }) => `${name}${specifier}`);
}

/** Code, line and column of a failure. */
function place({ code, at }: Failure): readonly unknown[] {
  return [code, at?.line, at?.column];
}

test('a requirements file: comments, continuations, digests, markers, included files, options', async (t) => {
  const selection = await selected(t, {
    sources: ['requirements.txt'],
    files: {
      'requirements.txt': `# a comment
--index-url http://index.test/simple
-r more/base.txt   # included
-c limits.txt
Six==1.17.0 \\
    --hash=${HASH} \\
    --hash=${OTHER}
win==1.0 ; sys_platform == 'win32' --hash=${HASH}
arm[fast]==2.0; platform_machine == "aarch64" and python_version >= '3.9' --hash=${HASH}
-e ./project
`,
      'more/base.txt': `Zope_Interface==7.0 --hash=${HASH}\n../wheel/own-1.0-py3-none-any.whl\n`,
      'wheel/own-1.0-py3-none-any.whl': 'a wheel',
      'limits.txt': 'anything<3\n',
      'project/pyproject.toml': '[project]\nname = "p"\n',
    },
  });
  assert.deepEqual(names(selection), ['zope-interface==7.0', 'six==1.17.0', 'arm==2.0']);
  assert.deepEqual(selection.index[1]?.hashes, [HASH, OTHER]);
  assert.deepEqual(selection.index[2]?.extras, ['fast']);
  assert.deepEqual(
    selection.constraints.map(({ name }) => name),
    ['anything'],
  );
  assert.deepEqual(selection.options, ['--index-url http://index.test/simple']);
  assert.match(selection.wheels[0]?.file ?? '', /wheel\/own-1\.0-py3-none-any\.whl$/);
  assert.match(selection.projects[0]?.path ?? '', /\/project$/);
});

test('mistakes of a requirements file are at their place', async (t) => {
  const line = async (text: string): Promise<readonly unknown[]> =>
    place(await refused(t, { sources: ['r.txt'], files: { 'r.txt': `ok==1 --hash=${HASH}\n${text}\n` } }));
  assert.deepEqual(await line("six==1.0; python_version >> '3'"), ['recipe/requirement-syntax', 2, 27]);
  assert.deepEqual(await line("six==1.0; python_verson >= '3'"), ['recipe/requirement-syntax', 2, 11]);
  assert.deepEqual(await line("six==1.0; (python_version > '3'"), ['recipe/requirement-syntax', 2, 32]);
  assert.deepEqual(await line('six=1.0'), ['recipe/requirement-syntax', 2, 4]);
  assert.deepEqual(await line('six==1.0 --hash=md5:00'), ['recipe/requirement-syntax', 2, 17]);
  assert.deepEqual(await line('--global-option=x'), ['recipe/requirement-option', 2, 1]);
  assert.deepEqual(await line('--index-url https://$' + '{TOKEN}@index.test/'), [
    'recipe/requirement-option',
    2,
    1,
  ]);
  assert.deepEqual(await line('-r lost.txt'), ['recipe/no-requirements', 2, 1]);
  assert.deepEqual(await line('x @ git+https://host.test/x'), ['recipe/requirement-address', 2, 1]);
  assert.deepEqual(await line('x @ https://host.test/x-1.0-py3-none-any.whl'), [
    'recipe/requirement-address',
    2,
    1,
  ]);
  assert.deepEqual(await line('./lost-1.0-py3-none-any.whl'), ['recipe/no-wheel-file', 2, 1]);
  assert.deepEqual(await line('./no-project/'), ['recipe/no-python-project', 2, 1]);
  assert.deepEqual(await line('two \\\n  ==1.0; nope'), ['recipe/requirement-syntax', 3, 10]);
});

test('files that include each other end with the circle', async (t) => {
  const failure = await refused(t, {
    sources: ['a.txt'],
    files: { 'a.txt': '-r b.txt\n', 'b.txt': '\n-r a.txt\n' },
  });
  assert.deepEqual(place(failure), ['recipe/requirements-cycle', 2, 1]);
  assert.match(failure.why ?? '', /a\.txt → .*b\.txt → .*a\.txt$/);
});

test('a wheel by its path is taken with its digest; the one that fits the target is chosen', async (t) => {
  const [own, other] = ['aarch64', 'x86_64'].map((machine) =>
    makeWheel('x', `cp313-cp313-manylinux_2_17_${machine}`, 'x.so', Buffer.from(machine)),
  ) as [Buffer, Buffer];
  const files = {
    'x-1.0-cp313-cp313-manylinux_2_17_aarch64.whl': own,
    'x-1.0-cp313-cp313-manylinux_2_17_x86_64.whl': other,
  };
  const sources = Object.keys(files).map((name) => `./${name}`);
  const { wheels } = await selected(t, { sources, files });
  assert.deepEqual(
    wheels.map(({ digest }) => digest),
    [`sha256:${createHash('sha256').update(own).digest('hex')}`],
  );
  const alone = await refused(t, { sources: sources.slice(1), files });
  assert.deepEqual(place(alone), ['recipe/wheel-tag', 5, 7]);
  const onStatic = await refused(t, { sources, files, environment: STATIC });
  assert.equal(onStatic.why, 'Programs are static.');
  const changed = await refused(t, { sources: [`${sources[0]} --hash=${HASH}`], files });
  assert.equal(changed.code, 'fetch/wheel-digest');
  const pypy = await refused(t, {
    sources: ['./x-1.0-cp312-cp312-manylinux_2_17_aarch64.whl'],
    files: { 'x-1.0-cp312-cp312-manylinux_2_17_aarch64.whl': own },
  });
  assert.equal(pypy.code, 'recipe/wheel-tag');
  const abi3 = await selected(t, {
    sources: ['./x-1.0-cp39-abi3-manylinux_2_17_aarch64.whl'],
    files: { 'x-1.0-cp39-abi3-manylinux_2_17_aarch64.whl': own },
  });
  assert.equal(abi3.wheels.length, 1);
  const unnamed = await refused(t, { sources: ['./x.whl'], files: { 'x.whl': own } });
  assert.equal(unnamed.code, 'recipe/wheel-name');
});

test('sources that state two versions, and constraints that are broken, disagree', async (t) => {
  const two = await refused(t, { sources: [`six==1.16.0 --hash=${HASH}`, `six==1.17.0 --hash=${HASH}`] });
  assert.equal(two.code, 'recipe/python-versions');
  const limited = await refused(t, {
    sources: ['r.txt'],
    files: { 'r.txt': `six==1.17.0 --hash=${HASH}\n-c c.txt\n`, 'c.txt': 'six<1.17\n' },
  });
  assert.deepEqual(place(limited), ['recipe/python-versions', 1, 1]);
  const same = await selected(t, { sources: [`six==1.17 --hash=${HASH}`, `six==1.17.0 --hash=${OTHER}`] });
  assert.deepEqual(same.index[0]?.hashes, [HASH, OTHER]);
});

const PYPROJECT = `[project]
name = "own"
version = "1.0"
requires-python = ">=3.9"
dependencies = ["six>=1", "colorama; sys_platform == 'win32'"]
[project.optional-dependencies]
http = ["httpx"]
all = ["own[http]", "rich"]
[dependency-groups]
base = ["attrs"]
prod = [{include-group = "base"}, "uvloop; implementation_name == 'cpython'"]
`;

test('dependencies of a pyproject.toml, its extras and groups', async (t) => {
  const files = { 'pyproject.toml': PYPROJECT };
  const asked = { sources: ['pyproject.toml'], files };
  assert.deepEqual(names(await selected(t, asked)), ['six>=1']);
  assert.deepEqual(names(await selected(t, { ...asked, extras: ['all'], groups: ['prod'] })), [
    'six>=1',
    'httpx',
    'rich',
    'attrs',
    'uvloop',
  ]);
  const extra = await refused(t, { ...asked, extras: ['htp'] });
  assert.deepEqual(place(extra), ['recipe/unknown-extra', 6, 10]);
  assert.match(extra.fix[0] ?? '', /Did you mean `http`/);
  assert.equal((await refused(t, { ...asked, groups: ['test'] })).code, 'recipe/unknown-group');
  const old = await refused(t, {
    sources: ['pyproject.toml'],
    files: { 'pyproject.toml': PYPROJECT.replace('>=3.9', '>=3.9,<3.13') },
  });
  assert.deepEqual(place(old), ['recipe/requires-python', 4, 1]);
  const circle = await refused(t, {
    sources: ['pyproject.toml'],
    files: {
      'pyproject.toml': '[dependency-groups]\na = [{include-group = "b"}]\nb = [{include-group = "a"}]\n',
    },
    groups: ['a'],
  });
  assert.equal(circle.code, 'recipe/requirements-cycle');
  const broken = await refused(t, { sources: ['pyproject.toml'], files: { 'pyproject.toml': '[project\n' } });
  assert.deepEqual(place(broken), ['recipe/requirement-syntax', 1, 9]);
  const dynamic = await refused(t, {
    sources: ['pyproject.toml'],
    files: { 'pyproject.toml': '[project]\nname = "x"\ndynamic = ["dependencies"]\n' },
  });
  assert.equal(dynamic.code, 'recipe/dynamic-dependencies');
});

const PYLOCK = `lock-version = "1.0"
created-by = "hand"
requires-python = ">=3.9"
extras = ["fast"]
default-groups = []

[[packages]]
name = "six"
version = "1.17.0"
[[packages.wheels]]
url = "https://index.test/six-1.17.0-py3-none-any.whl"
hashes = {sha256 = "${'a'.repeat(64)}"}

[[packages]]
name = "win"
version = "1.0"
marker = "sys_platform == 'win32'"
wheels = [{name = "win-1.0-py3-none-any.whl", hashes = {sha256 = "${'a'.repeat(64)}"}}]

[[packages]]
name = "speed"
version = "1.0"
marker = "'fast' in extras"
wheels = [{name = "speed-1.0-py3-none-any.whl", hashes = {sha256 = "${'b'.repeat(64)}"}}]
`;

test('pylock.toml gives exact versions and digests, for the markers of the target', async (t) => {
  const files = { 'pylock.toml': PYLOCK };
  const plain = await selected(t, { sources: ['pylock.toml'], files });
  assert.deepEqual(names(plain), ['six==1.17.0']);
  assert.deepEqual(plain.index[0]?.hashes, [HASH]);
  const fast = await selected(t, { sources: ['pylock.toml'], files, extras: ['fast'] });
  assert.deepEqual(names(fast), ['six==1.17.0', 'speed==1.0']);
  const changed = async (from: string, to: string): Promise<readonly unknown[]> =>
    place(await refused(t, { sources: ['pylock.toml'], files: { 'pylock.toml': PYLOCK.replace(from, to) } }));
  assert.deepEqual(await changed('lock-version = "1.0"', 'lock-version = "2.0"'), [
    'recipe/pylock-version',
    1,
    1,
  ]);
  assert.deepEqual(await changed("'win32'", "'win32"), ['recipe/requirement-syntax', 17, 27]);
  assert.deepEqual(await changed('>=3.9', '>=3.14'), ['recipe/requires-python', 3, 1]);
  assert.deepEqual(await changed('extras = ["fast"]', 'environments = ["sys_platform == \'darwin\'"]'), [
    'recipe/lock-environment',
    4,
    1,
  ]);
  assert.equal(
    (await refused(t, { sources: ['pylock.toml'], files, extras: ['slow'] })).code,
    'recipe/unknown-extra',
  );
  const repository = PYLOCK.replace(
    /\[\[packages.wheels\]\]\nurl = .*\nhashes = .*\n/,
    '[packages.vcs]\ntype = "git"\n',
  );
  assert.equal(
    (await refused(t, { sources: ['pylock.toml'], files: { 'pylock.toml': repository } })).code,
    'recipe/lock-source',
  );
});

const UV_LOCK = `version = 1
revision = 3
requires-python = ">=3.9"

[[package]]
name = "own"
version = "0.1.0"
source = { editable = "." }
dependencies = [
    { name = "six" },
    { name = "member" },
    { name = "win", marker = "sys_platform == 'win32'" },
    { name = "with-extra", extra = ["more"] },
]
[package.optional-dependencies]
http = [{ name = "far" }]

[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://index.test/simple" }
wheels = [{ url = "https://index.test/six-1.17.0-py3-none-any.whl", hash = "${HASH}", size = 1 }]

[[package]]
name = "with-extra"
version = "2.0"
source = { registry = "https://index.test/simple" }
wheels = [{ url = "https://index.test/with_extra-2.0-py3-none-any.whl", hash = "${HASH}" }]
[package.optional-dependencies]
more = [{ name = "deep" }]

[[package]]
name = "deep"
version = "3.0"
source = { registry = "https://index.test/simple" }
wheels = [{ url = "https://index.test/deep-3.0-py3-none-any.whl", hash = "${OTHER}" }]

[[package]]
name = "far"
version = "1.0"
source = { git = "https://host.test/far" }

[[package]]
name = "member"
version = "0.1.0"
source = { directory = "member" }
`;

test('a uv.lock that its project was edited after is refused, with the requirement', async (t) => {
  const files = (dependencies: string, more = '') => ({
    'uv.lock': UV_LOCK,
    'member/pyproject.toml': '[project]\nname = "member"\n',
    'pyproject.toml': `[project]\nname = "own"\ndependencies = [${dependencies}]\n${more}`,
  });
  const fits = `"six>=1.16,<2", "Member", "with_extra[more] ~= 2.0", "win>9; sys_platform == 'win32'", "six !=1.16"`;
  const selection = await selected(t, { sources: ['uv.lock'], files: files(fits) });
  assert.deepEqual(names(selection), ['six==1.17.0', 'with-extra==2.0', 'deep==3.0']);
  for (const [edited, column] of [
    ['"six>=1.18"', 18],
    ['"six", "other"', 25],
    ['"six", "deep"', 25],
  ] as const) {
    const refusal = await refused(t, { sources: ['uv.lock'], files: files(edited) });
    assert.deepEqual(place(refusal), ['lock/python-stale', 3, column], edited);
    assert.match(refusal.fix[0] as string, /`uv lock`/);
  }
  // uv was told to take another version than the project states.
  const overridden = files('"six>=1.18"', '[tool.uv]\noverride-dependencies = ["six==1.17.0"]\n');
  assert.deepEqual(names(await selected(t, { sources: ['uv.lock'], files: overridden })), [
    ...['six==1.17.0', 'with-extra==2.0', 'deep==3.0'],
  ]);
});

test('uv.lock is followed from the project along the dependencies of the target', async (t) => {
  const files = { 'uv.lock': UV_LOCK, 'member/pyproject.toml': '[project]\nname = "member"\n' };
  const selection = await selected(t, { sources: ['uv.lock'], files });
  assert.deepEqual(names(selection), ['six==1.17.0', 'with-extra==2.0', 'deep==3.0']);
  assert.match(selection.projects[0]?.path ?? '', /\/member$/);
  const repository = await refused(t, { sources: ['uv.lock'], files, extras: ['http'] });
  assert.equal(repository.code, 'recipe/lock-source');
  const newer = await refused(t, {
    sources: ['uv.lock'],
    files: { 'uv.lock': UV_LOCK.replace('version = 1', 'version = 2') },
  });
  assert.deepEqual(place(newer), ['recipe/pylock-version', 1, 1]);
  const workspace = UV_LOCK.replace('editable = "."', 'editable = "packages/own"');
  assert.equal(
    (await refused(t, { sources: ['uv.lock'], files: { 'uv.lock': workspace } })).code,
    'recipe/lock-source',
  );
});
