// Fork servers of real programs: a call by a client does what a start of the program does.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext as NodeTest, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOME } from '../../src/exec/home.ts';
import { clientScript } from '../../src/sysroot/source/fork-server.ts';
import { temporaryFolder } from '../support/cli.ts';

const SOURCES = join(HOME, 'src', 'sysroot', 'source');

/** Says everything that it is started with, as a whole and in the order of its arguments. */
const PROGRAM = `
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
extern char **environ;
static int starts;
__attribute__((constructor)) static void begin(void) { starts++; }
int main(int argc, char **argv) {
  char here[4096], line[64];
  for (int i = 1; i < argc; i++) printf("argument %s\\n", argv[i]);
  for (char **one = environ; *one; one++) printf("variable %s\\n", *one);
  mode_t mask = umask(0);
  umask(mask);
  printf("folder %s umask %o starts %d\\n", getcwd(here, sizeof here), mask, starts++);
  while (fgets(line, sizeof line, stdin)) printf("input %s", line);
  fflush(stdout);
  for (int fd = 3; fd < 1024; fd++) if (fcntl(fd, F_GETFD) >= 0) printf("open %d\\n", fd);
  fprintf(stderr, "to stderr\\n");
  if (argc > 1 && !strcmp(argv[1], "signal")) raise(SIGTERM);
  if (argc > 1 && !strcmp(argv[1], "abort")) abort();
  if (argc > 1 && !strcmp(argv[1], "sleep")) sleep(2);
  return argc > 2 ? atoi(argv[2]) : 0;
}
`;

interface Served {
  readonly folder: string;
  readonly program: string;
  readonly client: string;
  readonly server: ChildProcess;
}

function compile(...argv: string[]): void {
  const { status, stderr } = spawnSync('cc', ['-Wall', '-Wextra', '-Werror', '-O2', ...argv], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
}

async function serve(t: NodeTest): Promise<Served> {
  const folder = temporaryFolder(t, 'fork ü ');
  const at = (name: string): string => join(folder, name);
  const [program, client, socket] = [at('program'), at('client'), at('socket')];
  writeFileSync(at('program.c'), PROGRAM);
  compile(at('program.c'), '-o', program);
  compile('-fPIC', '-shared', join(SOURCES, 'fork-server.c'), '-o', at('preload.so'), '-ldl');
  const names = [`-DPROGRAM=${JSON.stringify(program)}`, `-DADDRESS=${JSON.stringify(socket)}`];
  compile(...names, join(SOURCES, 'fork-client.c'), '-o', client);
  // A preloaded library is named by a path without blanks (ld.so(8)).
  const server = spawn(program, [], {
    env: { FORK_SERVER: socket, LD_PRELOAD: './preload.so' },
    ...{ cwd: folder, stdio: 'ignore' },
  });
  t.after(() => server.kill('SIGKILL'));
  for (let tries = 0; !existsSync(socket); tries++) {
    assert.ok(tries < 500, 'the server does not listen');
    await sleep(10);
  }
  return { folder, program, client, server };
}

interface Call {
  readonly argv: readonly string[];
  readonly input?: string;
  readonly umask?: string;
}

/** How a program ends and what it prints, started in a folder with an environment of its own. */
function call(program: string, folder: string, { argv, input = '', umask = '027' }: Call) {
  const { status, signal, stdout, stderr } = spawnSync(
    'sh',
    ['-c', `umask ${umask}; exec "$@"`, 'sh', program, ...argv],
    {
      ...{ cwd: folder, input, encoding: 'utf8', timeout: 20_000 },
      env: { PATH: process.env.PATH, ÜBER: 'a b\nc', EMPTY: '' },
    },
  );
  return { status, signal, stdout, stderr };
}

test('a call has the arguments, environment, folder, umask, streams and end of a start of the program', async (t) => {
  const { folder, program, client } = await serve(t);
  const below = join(folder, 'a folder');
  mkdirSync(below);
  const calls: readonly Call[] = [
    { argv: [] },
    { argv: ['', 'two words', '*', 'ü\n'] },
    { argv: ['status', '7'], input: 'one\ntwo\n' },
    { argv: ['status', '255'], umask: '077' },
    { argv: ['signal'] },
    { argv: ['abort'] },
    { argv: ['long', '0', 'x'.repeat(100_000), 'y'.repeat(120_000)] },
  ];
  for (const one of calls) {
    const started = call(program, below, one);
    assert.match(started.stdout, /folder .*a folder umask \d+ starts 1\n/);
    assert.deepEqual(call(client, below, one), started, one.argv.join(' ').slice(0, 60));
  }
});

test('a file that names the client as its interpreter stands for the program with arguments before its own', async (t) => {
  const { folder, program, client } = await serve(t);
  // Linux takes the path of an interpreter up to the first blank (execve(2)).
  const short = temporaryFolder(t, 'fork-client-');
  const [link, file] = [join(short, 'client'), join(folder, 'compiler')];
  symlinkSync(client, link);
  writeFileSync(file, clientScript(link, 'riscv64-linux-gnu', ['', '--two words', '*', 'ü']));
  chmodSync(file, 0o755);
  for (const argv of [[], ['status', ''], ['x y', '@'], ['--print-multiarch', '-c']]) {
    const started = call(program, folder, { argv: ['', '--two words', '*', 'ü', ...argv] });
    assert.deepEqual(call(file, folder, { argv }), started, argv.join(' '));
  }
  const asked = call(file, folder, { argv: ['--print-multiarch'] });
  assert.deepEqual(asked, { status: 0, signal: null, stdout: 'riscv64-linux-gnu\n', stderr: '' });
  writeFileSync(file, `#!${link} @\n`);
  assert.deepEqual(
    call(file, folder, { argv: ['status', '3'] }),
    call(program, folder, { argv: ['status', '3'] }),
  );
});

test('many calls at once, more than it forks for, all come to their own end', {
  timeout: 120_000,
}, async (t) => {
  const { folder, client } = await serve(t);
  const ends = await Promise.all(
    Array.from({ length: 700 }, async (_, index) => {
      const child = spawn(client, ['sleep', String(index % 200)], {
        ...{ cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] },
        env: { NUMBER: String(index) },
      });
      let printed = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        printed += chunk.toString('utf8');
      });
      const status = await new Promise((resolve) => child.once('close', resolve));
      return { status, own: printed.includes(`variable NUMBER=${index}\n`) };
    }),
  );
  assert.deepEqual(
    ends,
    ends.map((_, index) => ({ status: index % 200, own: true })),
  );
});

test('where no server answers the client starts the program, and it says when one ended before its fork', async (t) => {
  const { folder, program, client, server } = await serve(t);
  const child = spawn(client, ['sleep'], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
    // The fork is at work.
    server.kill('SIGKILL');
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(status, 127, said);
  assert.match(said, /program: its fork server ended before it did\n/);
  const one = { argv: ['status', '9'], input: 'x\n' };
  assert.deepEqual(call(client, folder, one), call(program, folder, one));
  assert.equal(call(client, folder, one).status, 9);
});

test('a standard stream that is closed stays so', async (t) => {
  const { folder, program, client } = await serve(t);
  const closed = (path: string) =>
    spawnSync('sh', ['-c', '"$1" status 3 <&- 2>&-; echo $?', 'sh', path], {
      ...{ cwd: folder, encoding: 'utf8', timeout: 20_000 },
    });
  assert.equal(closed(client).stdout, closed(program).stdout);
});
