// `python.packages` from wheels in a folder: pip's messages become failures with a code.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { type CliRun, provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { makeElf } from '../support/elf.ts';
import { makeWheel } from '../support/wheel.ts';

let folder = '';
let wheels = '';

before(() => {
  folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision-packages-');
  wheels = join(folder, 'wheels');
  mkdirSync(wheels);
  mkdirSync(join(folder, 'crate'));
  const name = 'name = "packed"\nversion = "0.1.0"\n';
  writeFileSync(
    join(folder, 'crate', 'Cargo.toml'),
    `[package]\n${name}edition = "2021"\n\n[[bin]]\nname = "packed"\npath = "main.rs"\n`,
  );
  writeFileSync(join(folder, 'crate', 'Cargo.lock'), `version = 4\n\n[[package]]\n${name}`);
  writeFileSync(join(folder, 'crate', 'main.rs'), 'fn main() {}\n');
});

/** Writes a wheel with one file into the folder that pip searches; returns its digest option. */
function wheel(name: string, tag: string, path: string, content: Buffer): string {
  const bytes = makeWheel(name, tag, path, content);
  writeFileSync(join(wheels, `${name}-1.0-${tag}.whl`), bytes);
  return `--hash=sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function build(requirements: readonly string[], base = 'aarch64', more = ''): Promise<CliRun> {
  const lines = requirements.map((line) => `    - ${line}\n`).join('');
  writeFileSync(
    join(folder, 'crate', 'provision.yaml'),
    `schema: 1\nextends: ${base}\npython:\n  packages:\n${lines}${more}`,
  );
  return command('run');
}

function command(...argv: readonly string[]): Promise<CliRun> {
  return provision([...argv], {
    cwd: join(folder, 'crate'),
    store: SHARED_STORE,
    timeoutMs: 30 * 60_000,
    env: { PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels },
  });
}

function codeOf(run: CliRun): readonly [number | null, string | undefined] {
  return [run.status, /error\[([^\]]+)\]/.exec(run.stderr)?.[1]];
}

test('a pure Python package is bundled', async () => {
  const hash = wheel('pure', 'py3-none-any', 'pure/__init__.py', Buffer.from('value = 1\n'));
  const run = await build([`pure==1.0 ${hash}`]);
  assert.equal(run.status, 0, run.stderr);
  const report = JSON.parse(readFileSync(join(folder, 'crate/artifacts/aarch64/report.json'), 'utf8'));
  const inspected = await provision(['inspect', join(folder, 'crate', report.bundle.file), '--json']);
  assert.ok(JSON.parse(inspected.stdout).parts.packages.files >= 1, inspected.stdout);
  const page = readFileSync(join(folder, 'crate/artifacts/report.html'), 'utf8');
  assert.match(page, /<dt>Python packages<\/dt><dd>pure 1\.0<\/dd>/);
});

test('a shell of the build sees the packages where cargo test does', async () => {
  const run = await command('exec', '--', 'ls', '/job/python', '/job/python/site');
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /^sitecustomize\.py$/m);
  assert.match(run.stdout, /^pure$/m);
});

test('packages are in container images and Debian packages', async () => {
  const run = await command('run', '--format', 'deb', '--format', 'oci');
  assert.equal(run.status, 0, run.stderr);
  const { packages } = JSON.parse(
    readFileSync(join(folder, 'crate/artifacts/aarch64/report.json'), 'utf8'),
  ) as { packages: readonly { format: string; file: string }[] };
  const listed = (script: string, file: string) =>
    execFileSync('/bin/sh', ['-euc', script, 'sh', join(folder, 'crate', file)], { encoding: 'utf8' });
  const scripts: Readonly<Record<string, string>> = {
    deb: 'dpkg-deb --contents "$1"',
    oci: 'cd "$(mktemp -d)"; tar -xf "$1"; for one in blobs/sha256/*; do tar -tzf "$one" 2>/dev/null || true; done; rm -r "$PWD"',
  };
  assert.deepEqual(packages.map(({ format }) => format).sort(), ['deb', 'oci']);
  for (const { format, file } of packages)
    assert.match(listed(scripts[format] as string, file), /-packages\/pure\/__init__\.pyc?$/m, format);
});

test('a package without a wheel for the target is a failure that names it', async () => {
  const hash = wheel('native', 'cp313-cp313-manylinux_2_17_x86_64', 'native.so', makeElf({ machine: 62 }));
  const run = await build([`native==1.0 ${hash}`]);
  assert.deepEqual(codeOf(run), [4, 'fetch/no-wheel']);
  assert.match(run.stderr, /no wheel of native==1\.0 for CPython 3\.13 on\s+aarch64/);
});

test('a wheel whose binaries are not for the machine in its name is rejected', async () => {
  const other = wheel('lying', 'cp313-cp313-manylinux_2_17_aarch64', 'lying.so', makeElf({ machine: 62 }));
  const own = wheel('lying', 'cp313-cp313-manylinux_2_17_x86_64', 'lying.so', makeElf({ machine: 62 }));
  const run = await build([`lying==1.0 ${other} ${own}`]);
  assert.deepEqual(codeOf(run), [6, 'build/wrong-machine']);
});

test('a wheel with another digest is rejected', async () => {
  wheel('pure', 'py3-none-any', 'pure/__init__.py', Buffer.from('value = 2\n'));
  assert.deepEqual(codeOf(await build([`pure==1.0 --hash=sha256:${'0'.repeat(64)}`])), [
    4,
    'fetch/wheel-digest',
  ]);
});

test('requirements without digests are rejected', async () => {
  assert.deepEqual(codeOf(await build(['pure==1.0'])), [3, 'lock/python-missing']);
});

/** A project with a backend of its own, which needs the package `helper` to be built. */
function project(backend: string): void {
  const at = (name: string): string => join(folder, 'crate', 'proj', name);
  mkdirSync(join(folder, 'crate', 'proj'), { recursive: true });
  writeFileSync(
    at('pyproject.toml'),
    '[build-system]\nrequires = ["helper"]\nbuild-backend = "backend"\nbackend-path = ["."]\n[project]\nname = "proj"\nversion = "1.0"\n',
  );
  writeFileSync(at('proj.py'), 'value = 7\n');
  writeFileSync(at('backend.py'), backend);
}

const BACKEND = `import os, zipfile
import helper

def get_requires_for_build_wheel(config_settings=None):
    return []

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = 'proj-1.0-py3-none-any.whl'
    info = 'proj-1.0.dist-info/'
    with zipfile.ZipFile(os.path.join(folder, name), 'w') as file:
        file.write('proj.py')
        file.writestr('proj-1.0.data/data/share/proj.txt', helper.text)
        file.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: proj\\nVersion: 1.0\\nRequires-Dist: pure\\n')
        file.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
        file.writestr(info + 'RECORD', ''.join(f'{name},,\\n' for name in file.namelist()) + info + 'RECORD,,\\n')
    return name
`;

test('a project is built from locked build requirements, beside modules and what it depends on', async () => {
  project(BACKEND);
  wheel('helper', 'py3-none-any', 'helper.py', Buffer.from("text = 'helped'\n"));
  wheel('pure', 'py3-none-any', 'pure/__init__.py', Buffer.from('value = 1\n'));
  mkdirSync(join(folder, 'crate', 'python', 'own'), { recursive: true });
  writeFileSync(join(folder, 'crate', 'python', 'own', '__init__.py'), 'value = 3\n');
  const more = '  paths: [python/]\n';
  assert.deepEqual(codeOf(await build(['./proj'], 'aarch64', more)), [3, 'lock/python-missing']);
  const locked = await command('lock');
  assert.equal(locked.status, 0, locked.stderr);
  const lock = readFileSync(
    join(folder, 'crate', 'provision.portable-gnu-cpython-3.13-aarch64.python.lock'),
    'utf8',
  );
  assert.match(lock, /"pure"[\s\S]*"helper"/);
  assert.doesNotMatch(lock, /:\/\//);
  const run = await build(['./proj'], 'aarch64', more);
  assert.equal(run.status, 0, run.stderr);
  const report = JSON.parse(readFileSync(join(folder, 'crate/artifacts/aarch64/report.json'), 'utf8'));
  assert.deepEqual(report.pythonCode, {
    packages: [
      { name: 'proj', version: '1.0', from: 'proj' },
      { name: 'pure', version: '1.0', from: 'index' },
    ],
    files: 1,
  });
  const { files } = JSON.parse(
    (await provision(['inspect', join(folder, 'crate', report.bundle.file), '--json'])).stdout,
  ).parts.packages;
  assert.ok(files >= 4, `${files} files`);
  // What is locked and in the store needs no index.
  rmSync(join(wheels, 'helper-1.0-py3-none-any.whl'));
  assert.equal((await build(['./proj'], 'aarch64', more)).status, 0);
});

test('a module that cannot be compiled is named with line and column', async () => {
  writeFileSync(join(folder, 'crate', 'python', 'own', 'wrong.py'), 'x = 1\nif x\n    pass\n');
  const run = await build(['./proj'], 'aarch64', '  paths: [python/]\n');
  assert.deepEqual(codeOf(run), [6, 'build/python-syntax']);
  assert.match(run.stderr, /wrong\.py:2:5/);
});

test('a build that fails shows what its backend says', async () => {
  project(
    `import helper\n${BACKEND.replace("    name = 'proj", "    raise RuntimeError('the backend is broken')\n    name = 'proj")}`,
  );
  const run = await build(['./proj']);
  assert.deepEqual(codeOf(run), [6, 'build/python-package']);
  assert.match(run.stderr, /the backend is broken/);
});

test('a lock is stale once a wheel by path or a build requirement is another one', async () => {
  const bytes = (value: number) =>
    makeWheel('local', 'py3-none-any', 'local.py', Buffer.from(`value = ${value}\n`));
  const file = join(folder, 'crate', 'local-1.0-py3-none-any.whl');
  writeFileSync(file, bytes(1));
  const sources = ['./local-1.0-py3-none-any.whl', 'pure'];
  await build(sources);
  assert.equal((await command('lock')).status, 0);
  assert.equal((await command('plan')).status, 0);
  writeFileSync(file, bytes(2));
  const run = await build(sources);
  assert.deepEqual(codeOf(run), [3, 'lock/python-stale']);
  assert.match(run.stderr, /Run `provision lock/);
  assert.equal((await command('lock')).status, 0);
  assert.equal((await build(sources)).status, 0, 'what is printed as the cure');
});

test('modules with the name of a package or of the standard library are rejected', async () => {
  await build(['pure']);
  assert.equal((await command('lock')).status, 0);
  for (const [path, reason] of [
    ['pure/__init__.py', /pure/],
    ['pure.py', /pure/],
    ['json.py', /json[\s\S]*standard library/],
  ] as const) {
    const at = join('own', path.replaceAll('/', '-'), path);
    mkdirSync(join(folder, 'crate', dirname(at)), { recursive: true });
    writeFileSync(join(folder, 'crate', at), 'value = 1\n');
    const run = await build(['pure'], 'aarch64', `  paths: [own/${path.replaceAll('/', '-')}/]\n`);
    assert.deepEqual(codeOf(run), [2, 'recipe/python-collision'], path);
    assert.match(run.stderr, reason);
  }
});

test('a project that builds a wheel for this machine is rejected', async () => {
  project(
    BACKEND.replaceAll('py3-none-any', 'cp313-cp313-linux_x86_64').replace(
      'Root-Is-Purelib: true',
      'Root-Is-Purelib: false',
    ),
  );
  wheel('helper', 'py3-none-any', 'helper.py', Buffer.from("text = 'helped'\n"));
  await build(['./proj']);
  // What it depends on is read from its wheel.
  const run = await command('lock');
  assert.deepEqual(codeOf(run), [6, 'build/native-wheel']);
  assert.match(run.stderr, /proj-1\.0-cp313-cp313-linux_x86_64\.whl/);
  project(BACKEND);
});

const EXTRA = process.env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 runs it';

test('a source distribution by its path is built', { skip: EXTRA }, async () => {
  project(BACKEND);
  execFileSync('tar', ['-czf', 'proj-1.0.tar.gz', '--transform', 's,^proj,proj-1.0,', 'proj'], {
    cwd: join(folder, 'crate'),
  });
  const sources = ['./proj-1.0.tar.gz'];
  await build(sources);
  assert.equal((await command('lock')).status, 0);
  const run = await build(sources);
  assert.equal(run.status, 0, run.stderr);
  const report = JSON.parse(readFileSync(join(folder, 'crate/artifacts/aarch64/report.json'), 'utf8'));
  assert.deepEqual(report.pythonCode.packages[0], { name: 'proj', version: '1.0', from: 'proj-1.0.tar.gz' });
});
