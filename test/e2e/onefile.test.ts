// One executable that needs nothing beside it: its samples, started alone in an empty root without /proc, in a root with the C library
// alone, and on this machine; and what it says of itself where it is damaged. PROVISION_TEST_CELLS=musl,gnu,portable,shared,packaged
// selects programs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import { chosenCells } from '../support/cells.ts';
import { provision, REPOSITORY, SHARED_STORE } from '../support/cli.ts';
import { OtherSystem } from '../support/other-system.ts';
import { runnerRecipe } from '../support/runner-recipe.ts';

const SAMPLES = join(REPOSITORY, 'runner', 'samples');
/**
 * All that this machine's kernel starts, with a Python of their own. That of `native` is there, as another test
 * has it; that of `x86_64`, at any address, and those with a libpython are compiled with PROVISION_TEST_ALL=1.
 */
const TARGETS = {
  musl: { target: 'x86_64-musl', more: '' },
  gnu: { target: 'x86_64', more: 'sysroot: static-gnu\n' },
  portable: { target: 'x86_64', more: 'sysroot: portable-gnu\n' },
  // Their libpython and its extension modules are in the file as libraries.
  shared: { target: 'x86_64', more: 'python: {linkage: dynamic}\n' },
  packaged: { target: 'x86_64', more: 'python: {from: packages}\n' },
} as const;
type Name = keyof typeof TARGETS;
const NAMES = chosenCells(TARGETS, ['portable', 'shared', 'packaged']);
const skip = process.arch === 'x64' ? false : 'programs of x86-64 are emulated here';
const BRINGS = 'certificates: bundled\nzoneinfo: bundled\nsystems: []\nhost: false\n';

const folder = mkdtempSync(join(tmpdir(), 'provision onefile ü '));
after(() => rmSync(folder, { recursive: true, force: true }));

function shipped(name: Name): string {
  const triple = name === 'musl' ? 'x86_64-unknown-linux-musl' : 'x86_64-unknown-linux-gnu';
  return join(folder, name, `isolate-${triple}`);
}

function report(name: Name): Report {
  return JSON.parse(readFileSync(join(folder, name, 'report.json'), 'utf8')) as Report;
}

before(async () => {
  if (skip !== false) return;
  for (const name of NAMES) {
    const { target, more } = TARGETS[name];
    const recipe = runnerRecipe(target, { samples: SAMPLES, more: `${more}${BRINGS}` });
    writeFileSync(join(folder, `${name}.yaml`), recipe);
    const formats = ['--format', 'onefile', ...(name === 'gnu' ? ['--format', 'oci'] : [])];
    const ran = await provision(['run', `./${name}.yaml`, '--artifacts', name, ...formats], {
      cwd: folder,
      store: SHARED_STORE,
      timeoutMs: 60 * 60_000,
    });
    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  }
});

/** What users of a program look at, asked from within; one line of JSON. */
const LOOK = `
import importlib.resources, inspect, json, linecache, multiprocessing, os, pkgutil, ssl, subprocess, sys, threading, traceback, zoneinfo

def child(pipe):
    import asyncio
    pipe.send([os.path.basename(sys.executable), asyncio.__file__])

def main():
    mine, other = multiprocessing.get_context('spawn').Pipe()
    process = multiprocessing.get_context('spawn').Process(target=child, args=(other,))
    process.start()
    spawned = mine.recv()
    process.join()
    try:
        json.loads('{')
    except ValueError as error:
        trace = traceback.format_exc()
    library = os.path.dirname(os.__file__)
    started = [sys.executable, '-I', '-c', 'import json, sys; print(json.__file__, sys.flags.isolated)']
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    print(json.dumps({
        'executable': sys.executable,
        'prefix': sys.prefix,
        'file': os.__file__,
        'real': os.path.realpath(os.__file__),
        'source': inspect.getsource(json.loads).splitlines()[0],
        'trace': 'obj, end = self.scan_once(s, idx)' in trace,
        'resource': importlib.resources.files('json').joinpath('tool.py').read_text()[:3],
        'modules': sorted(one.name for one in pkgutil.iter_modules(json.__path__)),
        'listed': 'os.py' in os.listdir(library) and 'json' in [one.name for one in os.scandir(library) if one.is_dir()],
        'walked': sum(len(files) for _, _, files in os.walk(library)) > 500,
        'started': subprocess.run(started, capture_output=True, text=True).stdout,
        'spawned': spawned,
        'exit': process.exitcode,
        'proc': os.path.exists('/proc/self'),
        'zone': str(zoneinfo.ZoneInfo('Europe/Vienna')),
        'trusted': len(ssl.create_default_context().get_ca_certs()) > 50,
    }))

if __name__ == '__main__':
    main()
`;

/** What has to be seen by a program of this path. */
function seen(program: string) {
  const at = program.slice(0, program.lastIndexOf('/'));
  const library = `${at}/lib/python3.13`;
  return {
    executable: program,
    prefix: at === '' ? '/' : at,
    file: `${library}/os.py`,
    real: `${library}/os.py`,
    source: 'def loads(s, *, cls=None, object_hook=None, parse_float=None,',
    trace: true,
    resource: 'r""',
    modules: ['decoder', 'encoder', 'scanner', 'tool'],
    listed: true,
    walked: true,
    started: `${library}/json/__init__.py 1\n`,
    spawned: [program.slice(at.length + 1), `${library}/asyncio/__init__.py`],
    exit: 0,
    zone: 'Europe/Vienna',
    trusted: true,
  };
}

const noStrip = spawnSync('strip', ['--version']).status === 0 ? false : 'no strip here';

/** Enters a folder as the root, with nothing mounted in it. */
const ENTER = ['--map-root-user', '--user', '--pid', '--fork', '--kill-child'];

for (const name of NAMES) {
  test(`${name}: the samples run from it, and print the same`, { skip }, () => {
    const { samples, systems = [], packages = [] } = report(name);
    const [onefile] = systems;
    assert.deepEqual([systems.length, onefile?.name], [1, 'onefile']);
    assert.deepEqual(
      onefile?.samples.map((one) => [one.name, one.status]),
      samples.map((one) => [one.name, one.status]),
    );
    assert.ok((onefile?.samples.length ?? 0) > 50);
    assert.ok(packages.some(({ format }) => format === 'onefile'));
  });

  // The distribution's Python asks for its own glibc.
  if (name === 'packaged') continue;

  test(`${name}: its bill of materials and its statement go with it`, { skip }, async () => {
    const document = readFileSync(join(folder, name, 'sbom.cdx.json'), 'utf8');
    const read = await provision(['sbom', shipped(name)], { store: SHARED_STORE });
    assert.equal(read.stdout, document);
    const names = JSON.parse(document).components.map((one: { name: string }) => one.name);
    for (const wanted of ['python3.13', 'openssl', 'zlib', 'sqlite3', 'expat', 'mimalloc', 'pyo3'])
      assert.ok(names.includes(wanted), wanted);
    const verified = await provision(['verify', shipped(name)], { store: SHARED_STORE });
    assert.equal(verified.status, 0, verified.stderr);
  });

  test(`${name}: on this machine, in any folder and by a link`, { skip }, () => {
    const at = join(folder, `${name} möved`);
    mkdirSync(at);
    const program = join(at, 'tool');
    copyFileSync(shipped(name), program);
    writeFileSync(join(at, 'look.py'), LOOK);
    const ran = spawnSync(program, [join(at, 'look.py')], { encoding: 'utf8' });
    assert.equal(ran.stderr, '');
    const { proc, ...found } = JSON.parse(ran.stdout);
    assert.deepEqual([proc, found], [true, seen(program)]);
    const link = join(folder, `${name} link`);
    symlinkSync(join(`${name} möved`, 'tool'), link);
    const linked = spawnSync(link, ['-c', 'import json; print(json.__file__)'], { encoding: 'utf8' });
    assert.equal(linked.stdout, `${join(at, 'lib/python3.13/json/__init__.py')}\n`, linked.stderr);
  });

  test(`${name}: cut off or changed, it says so and ends with 5`, { skip }, () => {
    const whole = readFileSync(shipped(name));
    const damaged = join(folder, `${name} damaged`);
    const start = (bytes: Buffer, script: string) => {
      writeFileSync(damaged, bytes);
      chmodSync(damaged, 0o755);
      return spawnSync(damaged, ['-c', script], { encoding: 'utf8' });
    };
    for (const length of [whole.length - 1, Math.floor(whole.length * 0.7)]) {
      const { status, stdout, stderr } = start(whole.subarray(0, length), 'print(1)');
      assert.deepEqual([status, stdout], [5, ''], stderr);
      assert.match(stderr, /this executable is damaged\.\n {2}why: .*\n {2}fix: copy or download it again/);
    }
    const flip = (at: number): Buffer => {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] as number) ^ 1;
      return bytes;
    };
    // In the middle of the program, or of its libpython, in a text that nothing reads in this start.
    const inProgram = whole.indexOf(name === 'shared' ? 'Py_CompileString' : 'SSL_CTX_set_cipher_list');
    assert.ok(inProgram > 0);
    const changed = start(flip(inProgram), 'import time; time.sleep(0.2)');
    assert.equal(changed.status, 5, changed.stderr);
    assert.match(changed.stderr, /why: the (program|library lib\/libpython\S+) is not as it was made/);
    // In a file: told when it is opened, and not before.
    const inFile = whole.indexOf('"""HTTP server classes.');
    assert.ok(inFile > 0);
    const read = 'print("before", flush=True); import inspect, http.server; inspect.getsource(http.server)';
    const opened = start(flip(inFile), read);
    assert.deepEqual([opened.status, opened.stdout], [5, 'before\n'], opened.stderr);
    assert.match(opened.stderr, /why: the file lib\/python3\.13\/http\/server\.py is not as it was made/);
  });
}

for (const name of NAMES.filter((one) => one !== 'packaged')) {
  test(`${name}: a virtual environment of it starts, as a copy and as a link`, { skip }, () => {
    const at = join(folder, `${name} environments`);
    mkdirSync(at);
    const program = join(at, 'tool');
    copyFileSync(shipped(name), program);
    for (const how of ['copies', 'symlinks']) {
      const made = spawnSync(program, ['-m', 'venv', '--without-pip', `--${how}`, join(at, how)], {
        encoding: 'utf8',
      });
      assert.equal(made.status, 0, made.stderr);
      const python = join(at, how, 'bin', 'python');
      const asked = spawnSync(
        python,
        ['-c', 'import os, ssl, sys; print(sys.prefix, sys.base_prefix, os.__file__)'],
        {
          encoding: 'utf8',
        },
      );
      assert.equal(
        asked.stdout,
        `${join(at, how)} ${at} ${join(at, 'lib/python3.13/os.py')}\n`,
        asked.stderr,
      );
    }
  });

  test(`${name}: GNU's strip takes the files away, and it says so`, { skip: skip || noStrip }, () => {
    const stripped = join(folder, `${name} stripped`);
    copyFileSync(shipped(name), stripped);
    if (spawnSync('strip', [stripped]).status !== 0) return;
    const { status, stderr } = spawnSync(stripped, ['-c', 'print(1)'], { encoding: 'utf8' });
    assert.equal(status, 5, stderr);
    assert.match(stderr, /strip/);
  });
}

const without = (name: Name) => (NAMES.includes(name) ? skip : 'another program is selected');

test('musl: alone in an empty root, without /proc', { skip: without('musl') }, () => {
  const root = join(folder, 'empty');
  mkdirSync(root);
  copyFileSync(shipped('musl'), join(root, 'tool'));
  writeFileSync(join(root, 'look.py'), LOOK);
  const ran = spawnSync('unshare', [...ENTER, `--root=${root}`, '/tool', '/look.py'], {
    encoding: 'utf8',
    // No certificates of this machine's are named.
    env: { PATH: process.env.PATH },
  });
  assert.equal(ran.stderr, '');
  const { proc, ...found } = JSON.parse(ran.stdout);
  assert.deepEqual([proc, found], [false, seen('/tool')]);
  // Of a script, the kernel tells the path of the script.
  mkdirSync(join(root, 'scripts'));
  const script = join(root, 'scripts', 'hello');
  writeFileSync(script, '#!/tool\nimport sys\nprint(sys.executable, sys.prefix)\n');
  chmodSync(script, 0o755);
  const hello = spawnSync('unshare', [...ENTER, `--root=${root}`, '/scripts/hello'], { encoding: 'utf8' });
  assert.equal(hello.stdout, '/tool /\n', hello.stderr);
});

test('gnu: in a root with the C library alone', { skip: without('gnu') }, () => {
  const system = new OtherSystem(join(folder, 'system'));
  const [image = ''] =
    report('gnu').packages?.flatMap(({ format, file }) => (format === 'oci' ? [file] : [])) ?? [];
  system.unpackImage(join(folder, image), join(folder, 'image'));
  system.remove('opt/isolate');
  mkdirSync(join(system.root, 'srv'));
  copyFileSync(shipped('gnu'), join(system.root, 'srv', 'tool'));
  const { proc, ...found } = system.ask('/srv/tool', LOOK);
  assert.deepEqual([proc, found], [true, seen('/srv/tool')]);
});

test('a module of WebAssembly is refused before anything is fetched', async () => {
  const wasm = await provision(['wasm32-wasip1', '--format', 'onefile'], {
    cwd: folder,
    store: SHARED_STORE,
  });
  assert.equal(wasm.status, 2);
  assert.match(wasm.stderr, /usage\/format/);
});

for (const linkage of ['static', 'dynamic']) {
  test(`${linkage}: extension modules of wheels are loaded from memory, with the libraries that they bring`, {
    skip: skip || (process.env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 fetches wheels'),
  }, async () => {
    const at = join(folder, `wheels ${linkage}`);
    mkdirSync(join(at, 'samples'), { recursive: true });
    // numpy's linear algebra is in a library, which needs two further ones.
    writeFileSync(
      join(at, 'samples', 'wheels.py'),
      `import markupsafe._speedups as one
import numpy
print(one._escape_inner("<a>"), one.__spec__.origin.endswith(".so"))
print(numpy.linalg.solve(numpy.array([[3.0, 1.0], [1.0, 2.0]]), numpy.array([9.0, 8.0])).tolist())
print(numpy.random.default_rng(7).integers(100, size=4).tolist(), numpy.fft.fft([1, 0, 0, 0]).real.tolist())
`,
    );
    const more = `python: {linkage: ${linkage}, packages: [markupsafe==3.0.2, numpy==2.2.6]}\nsysroot: {packages: [zlib1g, libstdc++6]}\nhost: false\nsystems: []\n`;
    writeFileSync(join(at, 'r.yaml'), `schema: 1\nextends: x86_64\nsamples: {path: samples}\n${more}`);
    const options = { cwd: at, store: SHARED_STORE, timeoutMs: 60 * 60_000 };
    const locked = await provision(['lock', './r.yaml'], options);
    assert.equal(locked.status, 0, locked.stdout + locked.stderr);
    const ran = await provision(['run', './r.yaml', '--format', 'onefile', '--artifacts', 'out'], options);
    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    const { systems } = JSON.parse(readFileSync(join(at, 'out', 'report.json'), 'utf8')) as Report;
    assert.deepEqual(
      systems?.map(({ name, samples }) => [name, samples.map(({ status }) => status)]),
      [['onefile', ['passed']]],
    );
  });
}
