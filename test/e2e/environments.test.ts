// Virtual environments and applications in archives, made by a bundle: what its samples print is what they print with
// python3. pip and virtualenv, which come from an index, with PROVISION_TEST_ALL=1.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

const ALL = process.env.PROVISION_TEST_ALL === '1';

/** Beginning of each sample. `said` is what a program prints, without the folders that are the run's own. */
const PRELUDE = `# /// sample
# title: Environments
# tier: user
# requires: subprocess
# timeout: 120
# ///
import os, shutil, subprocess, sys, tempfile

base = os.path.realpath(tempfile.mkdtemp())
environ = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}


def said(program, *words):
    run = subprocess.run([program, *words], cwd=base, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = run.stdout.replace(base, '<base>').replace(sys.base_prefix + '/', '<home>/').replace(sys.executable, '<program>')
    return f'{run.returncode} {text.strip()}'


def python(name):
    return os.path.join(base, name, 'bin', 'python')

`;

const VENV = `${PRELUDE}
ASK = '''
import ctypes, linecache, os, sqlite3, ssl, sys, sysconfig
print(sys.prefix, os.path.realpath(sys._base_executable) == os.path.realpath(sys.argv[1]), sys.base_prefix == sys.argv[2])
print(sysconfig.get_path('purelib'), os.path.islink(sys.executable))
'''


def make(name, by, *options):
    print(name, said(by, '-m', 'venv', '--without-pip', *options, os.path.join(base, name)))
    print(said(python(name), '-c', ASK, sys.executable, sys.base_prefix))


def drop(*names):
    # A sample may write half a gigabyte, and a program with all of Python inside is copied under four names.
    for name in names:
        shutil.rmtree(os.path.join(base, name))


make('links', sys.executable)
make('copies', sys.executable, '--copies')
make('copies of copies', python('copies'), '--copies')
make('links of copies', python('copies'))
drop('copies of copies', 'links of copies')
make('copies of links', python('links'), '--copies')
make('copies', sys.executable, '--copies', '--upgrade')
drop('copies of links')
make('links', sys.executable, '--copies', '--clear')
drop('links')
make('links', sys.executable, '--system-site-packages')
# Its own folder moved: the program is in it, and knows where the base is.
os.rename(os.path.join(base, 'copies'), os.path.join(base, 'moved'))
print(said(python('moved'), '-c', 'import ssl, sys; print(sys.prefix)'))
os.symlink(python('moved'), os.path.join(base, 'elsewhere'))
print(said(os.path.join(base, 'elsewhere'), '-c', 'import ssl, sys; print(sys.version_info[:2])'))

import venv
venv.EnvBuilder(symlinks=False, with_pip=False).create(os.path.join(base, 'by the module'))
print(said(python('by the module'), '-c', 'import ssl, sys; print(sys.prefix)'))

os.mkdir(os.path.join(base, 'app'))
with open(os.path.join(base, 'app', '__main__.py'), 'w') as file:
    file.write('import sys\\nprint("zipped", sys.argv[1:])\\n')
print(said(sys.executable, '-m', 'zipapp', 'app', '-p', python('links')))
print(said(sys.executable, 'app.pyz', 'x'))
print(said(os.path.join(base, 'app.pyz'), 'y'))
shutil.rmtree(base)
`;

const PIP = `${PRELUDE}
import glob, zipfile
import virtualenv

wheels = os.path.join(os.path.dirname(virtualenv.__file__), 'seed', 'wheels', 'embed')
environ.update(PIP_NO_INDEX='1', PIP_FIND_LINKS=f'{wheels} {base}', PIP_DISABLE_PIP_VERSION_CHECK='1', PIP_NO_CACHE_DIR='1')
# A wheel with a program.
with zipfile.ZipFile(os.path.join(base, 'greets-1.0-py3-none-any.whl'), 'w') as file:
    info = 'greets-1.0.dist-info/'
    file.writestr('greets.py', 'def main():\\n    import sys\\n    print("greets from", sys.prefix)\\n')
    file.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: greets\\nVersion: 1.0\\n')
    file.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    file.writestr(info + 'entry_points.txt', '[console_scripts]\\ngreets = greets:main\\n')
    file.writestr(info + 'RECORD', ''.join(f'{name},,\\n' for name in file.namelist()) + info + 'RECORD,,\\n')


def last(text):
    return text.splitlines()[-1]


def uses(name):
    print(last(said(python(name), '-m', 'pip', 'install', 'greets')))
    print(said(os.path.join(base, name, 'bin', 'greets')))
    print(said(python(name), '-m', 'pip', 'list', '--format=freeze').replace('\\n', ' ').split('pip==')[0])
    print(last(said(python(name), '-m', 'pip', 'uninstall', '-y', 'greets')))


print(said(sys.executable, '-c', 'import pip, virtualenv; print(pip.__name__, virtualenv.__name__)'))
print(said(sys.executable, '-m', 'venv', '--without-pip', '--copies', 'copies'))
print(last(said(sys.executable, '-m', 'pip', '--python', 'copies', 'install', 'pip')).split('-')[0])
uses('copies')
print(said(sys.executable, '-m', 'virtualenv', '--quiet', '--no-download', '--app-data', os.path.join(base, 'data'), 'virtual'))
uses('virtual')
# virtualenv's own way copies the program alone, which then lacks a libpython that is a file of the bundle.
print(said(sys.executable, '-m', 'virtualenv', '--quiet', '--creator', 'venv', '--copies', '--no-download', '--app-data', os.path.join(base, 'data'), 'copied'))
print(os.path.islink(python('copied')))
uses('copied')
print(last(said(sys.executable, '-m', 'pip', 'install', '--target', os.path.join(base, 'into'), 'greets')))
print(os.listdir(os.path.join(base, 'into')))
shutil.rmtree(base)
`;

/** Not in the reference either: Debian has it in a package of its own. */
const ENSUREPIP = `${PRELUDE}
print(said(sys.executable, '-m', 'ensurepip').split(':')[-1])
shutil.rmtree(base)
`;

async function samplesPass(
  t: TestContext,
  recipe: string,
  samples: Readonly<Record<string, string>>,
  python: { readonly from: 'packages' | 'source'; readonly packages?: readonly string[] },
): Promise<void> {
  const cwd = temporaryFolder(t, 'provision environments ü ');
  put(cwd, Object.fromEntries(Object.entries(samples).map(([name, text]) => [`samples/${name}.py`, text])));
  const project = `project: {path: ${JSON.stringify(join(REPOSITORY, 'runner'))}, bin: isolate}\n`;
  writeFileSync(
    join(cwd, 'mine.yaml'),
    `schema: 1\nextends: ${recipe}\n${project}samples: {path: samples}\npython: ${JSON.stringify(python)}\n`,
  );
  const command = (...words: readonly string[]) =>
    provision(words, { cwd, store: SHARED_STORE, timeoutMs: 4 * 60_000 });
  if (python.packages !== undefined) {
    const locked = await command('lock', './mine.yaml');
    assert.equal(locked.status, 0, locked.stderr);
  }
  const run = await command('run', './mine.yaml', '--artifacts', 'out');
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const report = JSON.parse(readFileSync(join(cwd, 'out', 'report.json'), 'utf8'));
  assert.equal(report.totals.passed, Object.keys(samples).length);
}

/** With a shared libpython, and static ones. */
const SHARED = { recipe: 'x86_64', from: 'packages' } as const;
const STATIC = ['x86_64', 'musl', 'native'].map((recipe) => ({ recipe, from: 'source' }) as const);

for (const { recipe, from } of ALL ? [SHARED, ...STATIC] : [SHARED]) {
  test(`${recipe} from ${from}: environments of links and of copies, and archives, are as with python3`, (t) =>
    samplesPass(t, recipe, { venv: VENV, ensurepip: ENSUREPIP }, { from }));
  test(
    `${recipe} from ${from}: pip and virtualenv are as with python3`,
    {
      skip: ALL ? false : 'PROVISION_TEST_ALL=1 runs it',
    },
    (t) => samplesPass(t, recipe, { pip: PIP }, { from, packages: ['pip', 'virtualenv'] }),
  );
}
