// CPython built from source and linked into a native program, as it is shipped; `provision bench python native` measures it.
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import floors from '../docs/glibc-floors.json' with { type: 'json' };
import {
  type CliRun,
  copyOfTool,
  finish,
  provision,
  REPOSITORY,
  SHARED_STORE,
  startProvision,
  temporaryFolder,
  untilPrinted,
} from '../support/cli.ts';
import { assertDeclared, surfaceDifferences, surfaces } from '../support/surface.ts';

interface Report {
  readonly status: string;
  readonly failure?: { readonly code: string; readonly what: string; readonly evidence?: readonly string[] };
  readonly python?: { readonly linkage: string };
  readonly stages: readonly { readonly name: string; readonly outcome: string }[];
  readonly totals: Totals;
  readonly system?: { readonly name: string };
  readonly systems?: readonly { readonly name: string; readonly totals: Totals }[];
}

interface Totals {
  readonly samples: number;
  readonly passed: number;
  readonly skipped: number;
}

const SYSROOT = 'sysroots/static-gnu';

let folder = '';
let home = '';
let killed: CliRun;
let full: CliRun;
let fullLog: string;
let first: CliRun;

before(async () => {
  folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision native ü ');
  home = copyOfTool(folder);
  // A run after make was killed starts again and finds no partial results.
  const child = startProvision(['native'], { cwd: folder, home, store: SHARED_STORE });
  await untilPrinted(child, /cpython: \d+ of \d+ files|cpython: cached/);
  const ended = finish(child, 60_000);
  child.kill('SIGKILL');
  killed = await ended;
  // The disk of the sandboxes has space for the source and a part of the build. The flags are ones that no store has.
  const stamp = `-DSTAMP=${Date.now()}`;
  const small = 'mount -t tmpfs -o size=157m small "$0" && exec "$@"';
  const mounts = ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', small];
  const through = [...mounts, join(SHARED_STORE, 'tmp')];
  change(`${SYSROOT}/sysroot.yaml`, /-DNDEBUG/, `-DNDEBUG ${stamp}`);
  full = await provision(['native'], {
    ...{ cwd: folder, home, store: SHARED_STORE, through },
    timeoutMs: 15 * 60_000,
  });
  fullLog = readFileSync(join(folder, 'artifacts', 'native', 'logs', 'cpython.log'), 'utf8');
  change(`${SYSROOT}/sysroot.yaml`, new RegExp(` ${stamp}`), '');
  first = await provision(['native'], { cwd: folder, home, store: SHARED_STORE, timeoutMs: 40 * 60_000 });
});

function change(file: string, pattern: RegExp, by: string): void {
  const path = join(home, file);
  const text = readFileSync(path, 'utf8');
  assert.match(text, pattern);
  writeFileSync(path, text.replace(pattern, by));
}

function report(artifacts = join(folder, 'artifacts', 'native')): Report {
  return JSON.parse(readFileSync(join(artifacts, 'report.json'), 'utf8')) as Report;
}

test('after make was killed the next run succeeds, and every sample equals the reference', () => {
  assert.equal(killed.signal, 'SIGKILL');
  assert.equal(first.status, 0, first.stdout + first.stderr);
  const { status, totals, python } = report();
  assert.equal(status, 'passed');
  assert.equal(totals.passed + totals.skipped, totals.samples);
  assert.equal(python?.linkage, 'static');
});

test('it needs the glibc that the README states, and its samples are equal on every release that has it', async () => {
  const artifacts = join(folder, 'artifacts', 'native');
  const bundle = readdirSync(artifacts).find((name) => name.endsWith('.tar.gz')) as string;
  const inspected = await provision(['inspect', join(artifacts, bundle), '--json']);
  const { libc } = JSON.parse(inspected.stdout) as { readonly libc: { readonly floor: string } };
  assert.equal(libc.floor, floors.native);
  const { system, systems = [] } = report();
  assert.equal(system?.name, 'debian-11');
  assert.deepEqual(
    systems.map(({ name, totals }) => [name, totals.passed + totals.skipped === totals.samples]),
    [
      ['debian-12', true],
      ['debian-13', true],
    ],
  );
});

test('what it offers is what the packaged interpreter offers, but for what is declared with a reason', async (t) => {
  const artifacts = join(folder, 'surface');
  const run = (...args: readonly string[]) =>
    provision(['native', '--artifacts', artifacts, ...args], { cwd: folder, home, store: SHARED_STORE });
  const { reference, target } = await surfaces(temporaryFolder(t), artifacts, run);
  assertDeclared(surfaceDifferences(reference, target), 'cpython-3.13', [
    'gnu',
    'glibc-2.31',
    'x86_64',
    'static-gnu',
    'static-gnu/x86_64',
  ]);
});

test('a disk that fills up during make is reported as such; the next run succeeds', () => {
  assert.equal(full.status, 5, full.stdout + full.stderr);
  assert.match(full.stderr, /store\/no-space/);
  assert.match(full.stderr, /building cpython stopped while it was\s+at "make"/);
  assert.match(full.stderr, /No space left on device/);
  assert.equal(first.status, 0, first.stdout + first.stderr);
});

test('the compiler and the linker were started once for the build, whose calls are forks of them', () => {
  assert.match(fullLog, /^::served by cc\n::served by ld$/m);
});

test('a second run takes everything from the store', async () => {
  const again = await provision(['native'], { cwd: folder, home, store: SHARED_STORE });
  assert.equal(again.status, 0, again.stderr);
  for (const name of ['cpython', 'build']) {
    assert.equal(report().stages.find((stage) => stage.name === name)?.outcome, 'hit', name);
  }
});

const LIFE = `"""What a start leaves to the collector, and what an end finalises.

title: Objects of the start
tier: dynamic
"""

import gc
import os
import weakref
import encodings.utf_8


class Node:
    def __init__(self, name):
        self.name, self.me = name, self

    def __del__(self):
        print("end of", self.name, __name__)


print(gc.get_freeze_count(), gc.isenabled(), gc.get_threshold())
print(any(one is os.path.join for one in gc.get_objects()), any(one is os.__dict__ for one in gc.get_referrers(os.getcwd)))
Node("cycle")
print(gc.collect() > 0)
try:
    encodings.utf_8.decode(b"\\xff")
except UnicodeDecodeError as error:
    print(error.__traceback__.tb_next.tb_frame.f_code.co_filename == encodings.utf_8.__file__)


class Plain:
    pass


kept = Plain()
os.kept = Node("attribute of a module")
weakref.finalize(kept, print, "finalised")
`;

test('objects that are frozen for the garbage collector stay visible, and finalisation at exit is unchanged', async (t) => {
  const samples = temporaryFolder(t);
  writeFileSync(join(samples, 'life.py'), LIFE);
  const run = await provision(['native', '--samples', samples], { cwd: folder, home, store: SHARED_STORE });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  assert.equal(report().totals.passed, 1);
});

// Each has an observable effect at finalisation, which must not be skipped at exit.
const ENDINGS: Readonly<Record<string, string>> = {
  cycle: `class Node:
    def __del__(self):
        print("end of a cycle")


node = Node()
node.me = node
`,
  untracked: `class Bare:
    __slots__ = ()

    def __del__(self):
        print("end of what the collector does not know")


kept = [Bare()]
kept.append(kept)
`,
  generator: `def numbers():
    try:
        yield 1
    finally:
        print("end of a generator")


suspended = numbers()
next(suspended)
kept = [suspended]
kept.append(kept)
`,
  metaclass: `class Meta(type):
    def __del__(cls):
        print("end of a class", cls.__name__)


class Made(metaclass=Meta):
    pass
`,
  file: `import os, subprocess, sys, tempfile

if len(sys.argv) == 1:
    name = os.path.join(tempfile.mkdtemp(), "file")
    status = subprocess.run([sys.executable, "-W", "ignore", __file__, name]).returncode
    with open(name) as file:
        print(status, file.read())
else:
    kept = [open(sys.argv[1], "w")]
    kept[0].write("written at the end")
    kept.append(kept)
`,
  replaced: `import sys


class Through:
    def write(self, text):
        return first.write(text)

    def flush(self):
        pass


first = sys.stdout
sys.stdout = Through()
print("in the buffer of the first stream")
`,
  detached: `import sys

buffer = sys.stdout.detach()
buffer.write(b"in the buffer that was detached\\n")
sys.stdout = None
`,
  callback: `import builtins
import weakref


class Thing:
    pass


thing = Thing()
thing.me = thing
builtins.watch = weakref.ref(thing, lambda _: print("callback of a weak reference"))
`,
  atexit: `import atexit, sys


class Late:
    def __del__(self):
        print("end after atexit")


atexit.register(print, "atexit")
late = Late()
sys.exit()
`,
};

test('observable effects of finalisation still occur', async (t) => {
  const samples = temporaryFolder(t);
  for (const [name, text] of Object.entries(ENDINGS)) {
    const header = `"""An end.\n\ntitle: ${name}\ntier: dynamic\n"""\n\n`;
    writeFileSync(join(samples, `${name}.py`), header + text);
  }
  const run = await provision(['native', '--samples', samples], { cwd: folder, home, store: SHARED_STORE });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  assert.equal(report().totals.passed, Object.keys(ENDINGS).length);
});

test('a library missing at link time gives the undefined symbols with the archive that defines them', async () => {
  // A copy of the program instead of the link to it.
  const runner = join(home, 'runner');
  rmSync(runner);
  cpSync(join(REPOSITORY, 'runner'), runner, { recursive: true });
  const declared = '\nunsafe extern "C" {\n    fn crypt_checksalt(setting: *const c_char) -> c_int;\n}\n';
  change('runner/src/main.rs', /^use interpreter::Arguments;\n/m, `$&${declared}`);
  change(
    'runner/src/main.rs',
    /^extern "C" fn start\(.*\n/m,
    '$&    unsafe { crypt_checksalt(c"*0".as_ptr()) };\n',
  );
  const run = await provision(['native'], { cwd: folder, home, store: SHARED_STORE });
  assert.equal(run.status, 6, run.stderr);
  assert.match(run.stderr, /crypt_checksalt: defined in libcrypt\.a/);
  assert.match(run.stderr, /Add libcrypt\.a to `link\.static`/);
  // The cure that is printed.
  change(`${SYSROOT}/sysroot.yaml`, /^link:$/m, 'link:\n  static: [crypt]');
  const cured = await provision(['native'], { cwd: folder, home, store: SHARED_STORE });
  change(`${SYSROOT}/sysroot.yaml`, /\n {2}static: \[crypt\]/, '');
  assert.equal(cured.status, 0, cured.stdout + cured.stderr);
});

test('a failing configure gives the relevant lines of config.log, and its log where --artifacts says', async () => {
  change(`${SYSROOT}/sysroot.yaml`, /LDFLAGS: -no-pie/, 'LDFLAGS: -no-pie -Wl,--no-such-option');
  const log = join(folder, 'artifacts', 'native', 'logs', 'cpython.log');
  rmSync(log, { force: true });
  const artifacts = join(folder, 'elsewhere');
  const run = await provision(['native', '--artifacts', artifacts], {
    cwd: folder,
    home,
    store: SHARED_STORE,
  });
  change(`${SYSROOT}/sysroot.yaml`, / -Wl,--no-such-option/, '');
  assert.equal(run.status, 6, run.stderr);
  assert.match(readFileSync(join(artifacts, 'logs', 'cpython.log'), 'utf8'), /no-such-option|configure/);
  assert.equal(existsSync(log), false);
  const { failure } = report(artifacts);
  assert.equal(failure?.code, 'build/configure');
  const evidence = (failure?.evidence ?? []).join('\n');
  assert.match(evidence, /unknown argument '--no-such-option'/);
  assert.match(evidence, /C compiler cannot create executables/);
});

test('a source archive with a wrong digest is rejected', async () => {
  const lock = `${SYSROOT}/cpython-3.13/x86_64.lock`;
  change(lock, /(\.orig\.tar\.xz", "digest": "sha256:)[0-9a-f]{8}/, '$100000000');
  change(`${SYSROOT}/sysroot.yaml`, /LDFLAGS: -no-pie/, 'LDFLAGS: -no-pie -O1');
  const run = await provision(['native', '--frozen'], { cwd: folder, home, store: SHARED_STORE });
  assert.equal(run.status, 4, run.stderr);
  assert.match(run.stderr, /python3\.13_[\w.]+\.orig\.tar\.xz/);
});
