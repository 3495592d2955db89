// What Python imports from one file it is given by its own hook, without a file: a program whose functions of Python's say what they were
// called with stands for one with a Python.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { makeImage } from '../../src/bundle/formats/onefile-image.ts';
import { ONEFILE_WRAPPED } from '../../src/env/onefile-library.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';

const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);
const skip = process.platform === 'linux' && compiler !== undefined ? false : 'no C compiler for Linux here';

/** Stands for Python's library. */
const PYTHON = `#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include "python.h"
int initialised, refuses;
hook set;
void *data_of;
int Py_IsInitialized(void) { return initialised; }
void Py_DecRef(void *one) { (void)one; }
void PyErr_Clear(void) {}
void *PyImport_ImportModule(const char *name) { return (void *)name; }
void *PyUnicode_EncodeFSDefault(void *path) { return path; }
void *PyBytes_FromStringAndSize(const char *text, ssize_t size) {
  printf(" %d bytes %.5s", (int)size, text);
  return "bytes";
}
int PyBytes_AsStringAndSize(void *bytes, char **text, ssize_t *size) {
  (void)size;
  *text = bytes;
  return 0;
}
int PySys_Audit(const char *event, const char *format, ...) {
  va_list more;
  printf(" audit %s", event);
  if (format) {
    va_start(more, format);
    printf(" %s", strrchr(va_arg(more, char *), '/') + 1);
    va_end(more);
  }
  return refuses ? -1 : 0;
}
void *PyObject_CallMethod(void *module, const char *name, const char *format, ...) {
  printf(" %s.%s(%s)", (char *)module, name, format);
  return "file";
}
int PyFile_SetOpenCodeHook(hook wanted, void *data) {
  if (set) return -1;
  set = wanted;
  data_of = data;
  return 0;
}
`;
const HEADER = `typedef void *(*hook)(void *, void *);
extern int initialised, refuses;
extern hook set;
extern void *data_of;
int PyFile_SetOpenCodeHook(hook wanted, void *data);
`;
/** The words are paths that Python opens by the hook; `own` sets the program's, `late` is: Python is initialised. */
const PROGRAM = `#include <stdio.h>
#include <string.h>
#include "python.h"
static void *own(void *path, void *data) {
  printf(" own, %s", (char *)data);
  return path;
}
int main(int count, char **words) {
  for (int i = 1; i < count; i++) {
    if (!strcmp(words[i], "late")) initialised = 1;
    else if (!strcmp(words[i], "refuse")) refuses = 1;
    else if (!strcmp(words[i], "own")) printf("set:"), printf(" %d\\n", PyFile_SetOpenCodeHook(own, "data"));
    else if (!set) printf("no hook\\n");
    else printf("open:"), printf(" %s\\n", set(words[i], data_of) ? "done" : "refused");
  }
  return 0;
}
`;

let bundled = '';
let onefile = '';
const TEXT = 'x = 1\n';

before(() => {
  if (skip !== false) return;
  const folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision modules ü ');
  for (const [name, text] of Object.entries({ 'python.c': PYTHON, 'python.h': HEADER, 'main.c': PROGRAM }))
    writeFileSync(join(folder, name), text);
  bundled = join(folder, 'bundled');
  const sources = [join(folder, 'main.c'), join(folder, 'python.c'), join(REPOSITORY, 'src/env/onefile.c')];
  const wrapped = ONEFILE_WRAPPED.map((name) => `-Wl,--wrap=${name}`);
  const flags = ['-Os', '-Wall', '-Wextra', '-Werror', '-pthread'];
  const made = spawnSync(compiler as string, [...flags, ...sources, ...wrapped, '-o', bundled, '-ldl'], {
    encoding: 'utf8',
  });
  assert.equal(made.status, 0, made.stderr);
  const image = makeImage({
    program: readFileSync(bundled),
    files: [{ path: 'lib/python3.13/os.py', bytes: Buffer.from(TEXT) }],
    library: 'lib/python3.13',
    time: 1,
  });
  assert.ok(typeof image !== 'string', String(image));
  onefile = join(folder, 'onefile');
  writeFileSync(onefile, image);
  chmodSync(onefile, 0o755);
});

function run(program: string, ...words: readonly string[]): readonly string[] {
  const { stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  assert.equal(stderr, '');
  return stdout.split('\n').slice(0, -1);
}

test('a module of its own is given as bytes, and its opening is told to audit hooks', { skip }, () => {
  const module = join(dirname(onefile), 'lib/python3.13/os.py');
  assert.deepEqual(run(onefile, module), ['open: audit open os.py 6 bytes x = 1 _io.BytesIO(O) done']);
  // By any of its paths; a hook that refuses it is heard.
  const other = join(dirname(onefile), 'lib/../lib//python3.13/./os.py');
  assert.deepEqual(run(onefile, other, 'refuse', module), [
    'open: audit open os.py 6 bytes x = 1 _io.BytesIO(O) done',
    'open: audit open os.py refused',
  ]);
});

test('everything else is opened as Python does without a hook', { skip }, () => {
  const folder = dirname(onefile);
  for (const path of ['script.py', 'lib/python3.13/none.py', 'lib/python3.13', 'lib'])
    assert.deepEqual(run(onefile, join(folder, path)), ['open: _io.open(Os) done'], path);
});

test('a hook of the program is set once, is asked for every file, and counts alone', { skip }, () => {
  const module = join(dirname(onefile), 'lib/python3.13/os.py');
  assert.deepEqual(run(onefile, 'own', module, 'own'), ['set: 0', 'open: own, data done', 'set: -1']);
  // As Python tells it to audit hooks, once there can be any.
  assert.deepEqual(run(onefile, 'late', 'own', module), [
    'set: audit setopencodehook 0',
    'open: own, data done',
  ]);
  assert.deepEqual(run(onefile, 'late', 'refuse', 'own'), ['set: audit setopencodehook -1']);
});

test('a program of a bundle has no hook but its own', { skip }, () => {
  const module = join(dirname(bundled), 'lib/python3.13/os.py');
  assert.deepEqual(run(bundled, module, 'own', module), ['no hook', 'set: 0', 'open: own, data done']);
});

test('a module with a changed byte is told when it is opened', { skip }, (t) => {
  const folder = temporaryFolder(t);
  const bytes = readFileSync(onefile);
  const at = bytes.lastIndexOf(TEXT);
  bytes[at] = (bytes[at] as number) ^ 4;
  const damaged = join(folder, 'damaged');
  writeFileSync(damaged, bytes);
  chmodSync(damaged, 0o755);
  const { status, stderr } = spawnSync(damaged, [join(folder, 'lib/python3.13/os.py')], { encoding: 'utf8' });
  assert.equal(status, 5);
  assert.match(stderr, /why: the file lib\/python3\.13\/os\.py is not as it was made/);
});
