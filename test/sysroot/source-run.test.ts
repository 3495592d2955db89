// Failing builds from source, with real shell scripts in place of CPython's: the failure, its evidence and the log.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext as NodeTest, test } from 'node:test';
import type { Event } from '../../src/events.ts';
import type { Failure } from '../../src/failure.ts';
import { runScript, type ScriptRun } from '../../src/sysroot/source/script.ts';
import { temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';
import { hostEngine } from '../support/host-engine.ts';

async function run(t: NodeTest, script: string, more: Partial<ScriptRun> = {}) {
  const logs = temporaryFolder(t);
  const events: Event[] = [];
  const context = { ...testContext(), emit: (event: Event) => events.push(event) };
  const spec = { rootfs: '/', mounts: [{ kind: 'scratch', at: '/job/build' }], network: 'none' } as const;
  const box = await hostEngine().open(spec);
  assert.ok(box.ok);
  await using sandbox = box.value;
  const env = { PATH: '/usr/bin:/bin' };
  const outcome = await runScript(context, sandbox, {
    stage: 'cpython',
    name: 'cpython',
    script,
    env,
    logs,
    ...more,
  });
  return { outcome, events, log: readFileSync(join(logs, 'cpython.log'), 'utf8') };
}

async function failureOf(t: NodeTest, script: string): Promise<Failure> {
  const { outcome } = await run(t, script);
  assert.ok(!outcome.ok);
  return outcome.error;
}

test('a failing configure is a failure with the end of config.log', async (t) => {
  const script = `phase configure
echo 'checking for C compiler... clang'
say config-log
cat <<'END'
configure:10: checking whether the C compiler works
ld.lld: error: cannot open crt1.o
| int main (void) { return 0; }
configure:20: error: C compiler cannot create executables
END
exit 1
`;
  const failure = await failureOf(t, script);
  assert.equal(failure.code, 'build/configure');
  assert.deepEqual(failure.evidence, [
    'configure:10: checking whether the C compiler works',
    'ld.lld: error: cannot open crt1.o',
    'configure:20: error: C compiler cannot create executables',
  ]);
});

test('a full disk is reported as such, not as a compiler error', async (t) => {
  const failure = await failureOf(
    t,
    "phase make\necho 'fatal error: error in backend: IO failure on output stream: No space left on device'\nexit 2\n",
  );
  assert.equal(failure.code, 'store/no-space');
  assert.match(failure.what, /while it was at "make"/);
});

test('so is a linker that ends by a bus error, in the words of make, of clang and of a shell', async (t) => {
  for (const said of [
    'make: *** [Makefile:3: out.o] Bus error',
    'clang: error: unable to execute command: Bus error',
    'Bus error (core dumped)',
  ])
    assert.equal((await failureOf(t, `phase make\necho '${said}'\nexit 2\n`)).code, 'store/no-space', said);
  const text = await failureOf(
    t,
    "phase make\necho 'checking for SIGBUS... Bus error is a signal'\nexit 2\n",
  );
  assert.equal(text.code, 'build/source');
});

test('a patch that does not apply is a failure that names it', async (t) => {
  const failure = await failureOf(t, 'phase patch\nsay patch good.patch\ntrue\nsay patch bad.patch\nfalse\n');
  assert.equal(failure.code, 'build/source');
  assert.match(failure.what, /patch bad\.patch/);
});

test('a source build writes its complete log, emits numbered phases, and returns what the script printed', async (t) => {
  const script = `phase make
say total 2
echo 'clang -c one.c -o one.o'
sleep 0.3
echo 'clang -c two.c -o two.o'
say modules _ssl zlib
echo 'Running code to generate profile data in the background:'
`;
  const { outcome, events, log } = await run(t, script, { phases: { 'Running code': 'training' } });
  assert.ok(outcome.ok);
  assert.deepEqual(outcome.value.get('modules'), ['_ssl zlib']);
  assert.match(log, /one\.c[\s\S]*two\.c/);
  const progress = events.filter((event) => event.type === 'stage-progress');
  assert.deepEqual(
    progress.map(({ detail }) => detail).filter((detail, i, all) => detail !== all[i - 1]),
    ['cpython: make', 'cpython: training'],
  );
  assert.ok(progress.some(({ done, total }) => done === 2 && total === 2));
});

/** As autoconf writes checks: 2.71 and later, 2.69; and a question that CPython's own text asks. */
const CONFIGURE = `cross_compiling=yes
ac_exeext=.out
ac_fn_c_try_run ()
{
  { ac_try='./conftest$ac_exeext'
  (eval "$ac_try"); }
}
if test "$cross_compiling" = yes
then :
  newer=guessed
else
  if ac_fn_c_try_run; then newer=yes; else newer=no; fi
fi
  	if test "$cross_compiling" = yes; then :
  older=guessed
else
  if ac_fn_c_try_run; then older=yes; else older=no; fi
fi
(./conftest; exit; ) 2> /dev/null && libtool=yes || libtool=no
if test "$cross_compiling" = yes; then
  own=cross
else
  own=native
fi
echo "::answer $newer $older $libtool $own"
`;

/** A compiler of programs that end with 42, and what starts them: neither is the machine's. */
function crossTools(folder: string, start: string) {
  const program = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return file;
  };
  writeFileSync(join(folder, 'configure'), CONFIGURE);
  writeFileSync(join(folder, 'none'), 'echo no check\n');
  return {
    PATH: '/usr/bin:/bin',
    CC: program('cc', 'while [ "$1" != -o ]; do shift; done; echo 42 > "$2"'),
    RUN_TARGET: program('run-target', start),
    CFLAGS: '',
    LDFLAGS: '',
    SUITE: folder,
  };
}

const STARTS = 'read -r status < "$1"; exit "$status"';

test('configure runs its checks through what starts programs of the target, and asks the rest as before', async (t) => {
  const folder = temporaryFolder(t);
  const env = crossTools(folder, STARTS);
  for (const [status, answer] of [
    [0, 'yes'],
    [1, 'no'],
  ] as const) {
    const script = `cp "$SUITE/configure" .\necho ${status} > conftest.out\ncp conftest.out conftest\nanswer_by_running configure\nsh ./configure\n`;
    const { outcome } = await run(t, script, { env });
    assert.ok(outcome.ok);
    assert.deepEqual(outcome.value.get('answer'), [`${answer} ${answer} ${answer} cross`]);
  }
});

test('a target whose programs cannot be started is a failure, not a check that is answered with no', async (t) => {
  const folder = temporaryFolder(t);
  const env = crossTools(folder, 'echo "exec format error" >&2; exit 126');
  const { outcome } = await run(
    t,
    'cp "$SUITE/configure" .\nphase configure\nanswer_by_running configure\n',
    { env },
  );
  assert.ok(!outcome.ok);
  assert.equal(outcome.error.code, 'build/configure');
  assert.match(
    (outcome.error.evidence ?? []).join('\n'),
    /ended with 126 instead of 42: it cannot be run here/,
  );
});

test('a configure script that starts programs in another way is a failure', async (t) => {
  const env = crossTools(temporaryFolder(t), STARTS);
  const { outcome } = await run(t, 'phase configure\nanswer_by_running "$SUITE/none"\n', { env });
  assert.ok(!outcome.ok);
  assert.match((outcome.error.evidence ?? []).join('\n'), /starts no program in the way of autoconf/);
});
