// What configure scripts are told of every Linux is so on this one: with its own compiler and C library, and read by a real shell.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LINUX_SITE } from '../../src/sysroot/source/site.ts';
import { temporaryFolder } from '../support/cli.ts';

const names = (kind: string): string[] =>
  [...LINUX_SITE.matchAll(new RegExp(`^ac_cv_${kind}_(\\w+)=yes$`, 'gm'))].map(([, name]) => name ?? '');

test('a shell reads every line as one answer, each once and in order', (t) => {
  const folder = temporaryFolder(t, 'site ');
  writeFileSync(join(folder, 'config.site'), LINUX_SITE);
  const read = spawnSync('sh', ['-eu', '-c', '. ./config.site; set'], { cwd: folder, encoding: 'utf8' });
  assert.equal(read.status, 0, read.stderr);
  const answers = read.stdout.split('\n').filter((line) => line.startsWith('ac_cv_'));
  const lines = LINUX_SITE.trimEnd().split('\n');
  assert.deepEqual(answers.toSorted(), lines.map((line) => line.replace('=yes', "='yes'")).toSorted());
  for (const kind of ['func', 'header', 'member', 'have_decl', 'type']) {
    assert.ok(names(kind).length > 5, kind);
    assert.deepEqual(names(kind), [...new Set(names(kind))].sort(), kind);
  }
});

test('functions link without another library, and headers are there', (t) => {
  const folder = temporaryFolder(t, 'site ');
  const functions = names('func').map((name) => `extern char ${name}(void);\n`);
  const uses = names('func').map((name) => `  (void *)${name},\n`);
  const linked = ['#include <stddef.h>\n', ...functions, 'void *all[] = {\n', ...uses, '  NULL};\n'];
  writeFileSync(join(folder, 'functions.c'), `${linked.join('')}int main(void) { return all[0] == NULL; }\n`);
  // As configure scripts name them: everything else than letters and digits is a line below.
  const headers = names('header').map((name) =>
    name
      .replace(/_h$/, '.h')
      .replace(/^(sys|net|netinet|netpacket|asm|linux_can|linux)_/, '$1/')
      .replace('linux_can/', 'linux/can/'),
  );
  // Each for itself: some of the kernel's do not go with those of the C library.
  const files = headers.map((name, index) => {
    writeFileSync(
      join(folder, `${index}.c`),
      `#include <sys/types.h>\n#include <sys/socket.h>\n#include <${name}>\n`,
    );
    return `${index}.c`;
  });
  for (const argv of [
    ['functions.c', '-o', 'out'],
    ['-fsyntax-only', ...files],
  ]) {
    const { status, stderr } = spawnSync('cc', ['-w', '-fno-builtin', '-D_GNU_SOURCE', ...argv], {
      ...{ cwd: folder, encoding: 'utf8' },
    });
    assert.equal(status, 0, stderr);
  }
});
