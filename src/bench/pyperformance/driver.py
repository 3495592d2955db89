"""Runs benchmarks of pyperformance in this process, so that it can be the process of any interpreter.

What is to be done is in the variable PYPERFORMANCE, as JSON; the answer is the last line of standard output:

    {"do": "list"}                              -> names, in the order of the manifest
    {"do": "calibrate", "name": NAME}           -> [{"name", "loops"}] of each task, until a value takes a tenth of a second
    {"do": "measure", "name": NAME, "task": NUMBER, "loops": NUMBER}
                                                -> [{"name", "seconds"}] of that task, for one loop

`site` is a folder with the packages pyperf and pyperformance, `clock` is `cpu` or `wall`. One that cannot run ends with status 1
and the reason as the only line on standard error.
"""

import configparser
import json
import os
import runpy
import signal
import sys
import time
import traceback

job = json.loads(os.environ['PYPERFORMANCE'])
BENCHMARKS = os.path.join(job['site'], 'pyperformance', 'data-files', 'benchmarks')


def folder_and_meta(name, metafile):
    """Folder and metadata file of a line of the manifest: `<local>`, or `<local:FOLDER>` where a folder has several."""
    base = metafile.strip('<>').partition(':')[2]
    folder = os.path.join(BENCHMARKS, f'bm_{base or name}')
    return folder, os.path.join(folder, f'bm_{name}.toml' if base else 'pyproject.toml')


def manifest():
    """Name and metadata file of each benchmark."""
    with open(os.path.join(BENCHMARKS, 'MANIFEST'), encoding='utf-8') as file:
        text = file.read()
    parser = configparser.ConfigParser(allow_no_value=True, delimiters=('\t',), comment_prefixes=('#',))
    parser.optionxform = str
    parser.read_string(text)
    return [(name.strip(), (at or '').strip()) for name, at in parser['benchmarks'].items() if name != 'name']


def describe(name, metafile):
    """Where a benchmark's script is, the options it is started with, and the packages it needs beside pyperf."""
    import tomllib

    folder, meta = folder_and_meta(name, metafile)
    packages = set()
    options = []
    for path in [os.path.join(folder, 'pyproject.toml'), meta]:
        with open(path, 'rb') as file:
            read = tomllib.load(file)
        tool = read.get('tool', {}).get('pyperformance', {})
        options = tool.get('extra_opts', options)
        folder = os.path.join(folder, os.path.dirname(tool.get('runscript', '')))
        script = os.path.basename(tool.get('runscript', 'run_benchmark.py'))
        packages |= {one for one in read.get('project', {}).get('dependencies', []) if one != 'pyperf'}
    return {
        'script': os.path.join(folder, script),
        'options': options,
        'packages': sorted(packages),
    }


def run(*options):
    """Runs a benchmark as a worker of pyperf; returns the results of its tasks as pyperf has them."""
    benchmark = describe(job['name'], dict(manifest())[job['name']])
    if benchmark['packages']:
        sys.exit(f'needs {", ".join(benchmark["packages"])}')
    if job['clock'] == 'cpu':
        # Taken by name when pyperf is imported.
        time.perf_counter = time.process_time
    sys.path.insert(0, job['site'])
    import pyperf
    from pyperf import _runner, _worker

    results = []
    _worker.WorkerTask.collect_metadata = lambda self: {}
    _runner.Runner._display_result = lambda self, bench, checks=True: results.append(bench)

    def starts_processes(self, name, command):
        sys.exit(f'{name} measures another process, not this one')

    pyperf.Runner.bench_command = starts_processes
    sys.path[0] = os.path.dirname(benchmark['script'])
    sys.path.insert(1, job['site'])
    sys.argv[:] = [benchmark['script'], *benchmark['options'], '--worker', *options]
    runpy.run_path(benchmark['script'], run_name='__main__')
    return results


def calibrate():
    results = run('--calibrate-loops', '--warmups=0', '--values=1')
    return [{'name': one.get_name(), 'loops': one.get_runs()[0].get_loops()} for one in results]


def measure():
    results = run(f'--worker-task={job["task"]}', f'--loops={job["loops"]}', '--warmups=1', '--values=1')
    return [{'name': one.get_name(), 'seconds': one.get_values()[0]} for one in results]


def answer():
    if job['do'] == 'list':
        return [name for name, _ in manifest()]
    return {'calibrate': calibrate, 'measure': measure}[job['do']]()


if hasattr(signal, 'alarm'):
    # One that hangs is to end.
    signal.alarm(600)
try:
    print('\n' + json.dumps(answer()))
except Exception as error:
    sys.exit(traceback.format_exception_only(error)[-1].strip())
