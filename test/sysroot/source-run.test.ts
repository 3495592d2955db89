// Failing builds from source, with real shell scripts in place of CPython's: the failure, its evidence and the log.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
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
