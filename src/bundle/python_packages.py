"""What is done with Python packages in the sandbox of the reference interpreter, by pip from the distribution's wheel.

python3 python_packages.py TASK JOB

JOB is a JSON file: `wheels` (folder of pip's wheel), `environment` (variables of markers), `python`, `abi`, `platforms`,
and what the task needs. pip's own configuration says which index is asked, pip's resolver what fits. Markers are
evaluated for the environment of the job: pip itself takes those of the interpreter that it runs on. Only wheels are
taken, so that nothing of a package is run; `build` and `requires` run the build of a project, without a network.
"""

import contextlib
import csv
import glob
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys

task, job_file = sys.argv[1:]
with open(job_file, encoding='utf-8') as file:
    job = json.load(file)
PIP = glob.glob(os.path.join(job['wheels'], 'pip-*.whl'))[0]
sys.path.insert(0, PIP)

# pip loads a CA bundle when it is imported, and Debian's is one that a maintainer script would have made.
START = '''
import ssl

load = ssl.SSLContext.load_verify_locations


def load_if_there(self, *files, **named):
    try:
        load(self, *files, **named)
    except FileNotFoundError:
        pass


ssl.SSLContext.load_verify_locations = load_if_there
'''
exec(START)


def run_pip(*arguments):
    """pip in this process; ends with its status if it fails."""
    # Debian's pip wants the CA bundle that a maintainer script would have made: it gets the one that PIP_CERT names.
    bundle = os.environ.get('PIP_CERT')
    if bundle is not None:
        from pip._vendor import certifi

        certifi.where = certifi.core.where = lambda: bundle
    if 'environment' in job:
        from pip._vendor.packaging import markers

        markers.default_environment = lambda: dict(job['environment'])
    sys.argv[:] = ['pip', *arguments]
    try:
        runpy.run_module('pip', run_name='__main__', alter_sys=True)
    except SystemExit as done:
        if done.code:
            raise


def for_platform():
    """Options that choose wheels for the job's interpreter."""
    options = ['--only-binary', ':all:', '--python-version', job['python'], '--implementation', 'cp']
    for name in [job['abi'], *([] if job['abi'].endswith('t') else ['abi3']), 'none']:
        options += ['--abi', name]
    for name in job['platforms'] or ['any']:
        options += ['--platform', name]
    return options


def fetch():
    """Downloads wheels by version and digest into `to`."""
    run_pip('download', '--no-deps', '--require-hashes', *for_platform(), '--dest', job['to'],
            '--requirement', job['requirements'], '--progress-bar', 'off')


def resolve():
    """Prints name, version, file and digest of all packages that the requirements need."""
    report = job['to']
    constraints = os.path.join(os.environ['TMPDIR'], 'constraints.txt')
    with open(constraints, 'w', encoding='utf-8') as file:
        file.write(''.join(f'{line}\n' for line in job['constraints']))
    # What pip prints is for the log; the result is the last line.
    run_pip('install', '--dry-run', '--ignore-installed', '--report', report, *for_platform(), '--target', '/nonexistent',
            '--requirement', job['requirements'], '--constraint', constraints, *find_links(), '--progress-bar', 'off',
            '--root-user-action', 'ignore', '--quiet')
    with open(report, encoding='utf-8') as file:
        chosen = json.load(file)['install']
    found = []
    for one in chosen:
        info = one['download_info']
        digest = info.get('archive_info', {}).get('hashes', {}).get('sha256')
        found.append({
            'name': re.sub(r'[-_.]+', '-', one['metadata']['name']).lower(),
            'version': one['metadata']['version'],
            'file': info['url'].split('#')[0].rsplit('/', 1)[-1].replace('%2B', '+'),
            'sha256': digest,
            'local': info['url'].startswith(job['local']),
        })
    print(json.dumps(found))


def newest():
    """Prints the newest version of each of `names` that has a wheel for the interpreter; pip's first line is `name (version)`."""
    found = {}
    for name in job['names']:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            run_pip('index', 'versions', name, *for_platform(), *job['options'])
        found[name] = re.search(r'^\S+ \((\S+)\)$', shown.getvalue(), re.MULTILINE).group(1)
    print(json.dumps(found))


def find_links():
    return [word for folder in job.get('folders', []) for word in ('--find-links', folder)]


def source():
    """The project to build, in a folder that its build may write into."""
    path = job['source']
    if os.path.isdir(path):
        return shutil.copytree(path, os.path.join(os.environ['TMPDIR'], 'source'))
    return path


def start_folder():
    """The same for the processes that pip starts."""
    folder = os.path.join(os.environ['TMPDIR'], 'start')
    os.makedirs(folder)
    with open(os.path.join(folder, 'sitecustomize.py'), 'w', encoding='utf-8') as file:
        file.write(START)
    os.environ['PYTHONPATH'] = folder


def build():
    """Builds a wheel of `source` into `to`, with build requirements from `folders` alone."""
    start_folder()
    run_pip('wheel', '--no-deps', '--no-index', '--use-pep517', *find_links(), '--wheel-dir', job['to'], source(),
            '--progress-bar', 'off')


def requires():
    """Prints what the build of `source` requires: what it states, and what its backend asks for beyond that."""
    import tempfile

    from pip._internal.pyproject import load_pyproject_toml
    from pip._internal.utils.unpacking import unpack_file

    path = source()
    if not os.path.isdir(path):
        folder = tempfile.mkdtemp()
        unpack_file(path, folder)
        path = folder
    toml = os.path.join(path, 'pyproject.toml')
    stated, backend, _, backend_path = load_pyproject_toml(True, toml, os.path.join(path, 'setup.py'), job['source'])
    found = list(stated)
    if job.get('ask'):
        start_folder()
        site = tempfile.mkdtemp()
        installed = subprocess.run([sys.executable, PIP + '/pip', 'install', '--no-index', *find_links(), '--target', site,
                                    '--progress-bar', 'off', '--root-user-action', 'ignore', *stated],
                                   stdout=sys.stderr)
        if installed.returncode:
            sys.exit(installed.returncode)
        from pip._vendor.pyproject_hooks import BuildBackendHookCaller

        def run(command, cwd=None, extra_environ=None):
            subprocess.run(command, cwd=cwd, check=True, stdout=sys.stderr,
                           env={**os.environ, 'PYTHONPATH': site, **(extra_environ or {})})

        caller = BuildBackendHookCaller(path, backend, backend_path, runner=run)
        found += caller.get_requires_for_build_wheel()
    print(json.dumps(found))


def install():
    """Installs what `requirements` name from the wheels in `folders`: `to`/site, and `to`/data for the prefix."""
    site = os.path.join(job['to'], 'site')
    run_pip('install', '--no-index', *find_links(), *for_platform(), '--no-compile', '--target', site,
            '--requirement', job['requirements'], '--no-warn-script-location', '--progress-bar', 'off',
            '--root-user-action', 'ignore')
    os.makedirs(site, exist_ok=True)
    data = os.path.join(job['to'], 'data')
    os.makedirs(data)
    # Folders beside the packages that pip made for files of the prefix: programs name this machine's interpreter, and
    # headers are for builds.
    for record in sorted(glob.glob(os.path.join(site, '*.dist-info', 'RECORD'))):
        tidy(record, site, data)
    for name in ('bin', 'include'):
        if not any(glob.glob(os.path.join(site, name, '*.py'))):
            shutil.rmtree(os.path.join(site, name), ignore_errors=True)
    clear_empty(site)
    compile_all(site)


def tidy(record, site, data):
    """Moves a package's files for the prefix to `data`, and makes its RECORD say what is there."""
    with open(record, encoding='utf-8', newline='') as file:
        rows = [row for row in csv.reader(file) if row]
    kept = []
    for path, *rest in rows:
        outside = re.match(r'(?:\.\./)+(.+)$', path)
        if outside is None:
            if os.path.basename(path) != 'direct_url.json' or '.dist-info/' not in path:
                kept.append([path, *rest])
            continue
        relative = outside[1]
        if relative.split('/')[0] in ('bin', 'include'):
            continue
        # pip has put it below the folder of packages.
        here = os.path.join(site, relative)
        there = os.path.join(data, relative)
        if os.path.exists(here):
            os.makedirs(os.path.dirname(there), exist_ok=True)
            shutil.move(here, there)
        if os.path.exists(there):
            kept.append(['../' * job['depth'] + relative, *rest])
    address = os.path.join(os.path.dirname(record), 'direct_url.json')
    if os.path.exists(address):
        os.remove(address)
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows(kept)
    with open(record, 'w', encoding='utf-8', newline='') as file:
        file.write(text.getvalue())


def clear_empty(folder):
    for path, _, _ in os.walk(folder, topdown=False):
        if path != folder and not os.listdir(path):
            os.rmdir(path)


# One process, fixed order and hash seed: marshal's output depends on what the process compiled before.
COMPILE = '''
import json, os, py_compile, sys
root, strict = sys.argv[1], sys.argv[2] == 'strict'
wrong = []
for path, folders, files in os.walk(root):
    folders.sort()
    for name in sorted(files):
        if not name.endswith('.py'):
            continue
        file = os.path.join(path, name)
        relative = os.path.relpath(file, root)
        try:
            py_compile.compile(file, dfile=relative, doraise=True,
                               invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        except py_compile.PyCompileError as error:
            cause = error.exc_value
            wrong.append({'file': relative, 'line': getattr(cause, 'lineno', None) or 1,
                          'column': getattr(cause, 'offset', None) or 1,
                          'message': getattr(cause, 'msg', None) or str(cause)})
if strict:
    names = {name.split('.')[0] for name in os.listdir(root)} & set(sys.stdlib_module_names)
    print(json.dumps({'wrong': wrong, 'standard': sorted(names)}))
'''


def compile_all(root, mode='lenient'):
    subprocess.run([sys.executable, '-s', '-P', '-W', 'ignore', '-c', COMPILE, root, mode], check=True,
                   env={**os.environ, 'PYTHONHASHSEED': '0'})


def modules():
    """Copies `source` to `to` and compiles it; prints what cannot be compiled."""
    shutil.copytree(job['source'], job['to'])
    compile_all(job['to'], 'strict')


{'fetch': fetch, 'resolve': resolve, 'newest': newest, 'build': build, 'requires': requires, 'install': install, 'modules': modules}[task]()
