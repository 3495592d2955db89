// Failing steps are recorded as they fail: with real processes, and with one that is killed right after.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Ajv } from 'ajv';
import { Diagnostics } from '../../src/diagnose/diagnostics.ts';
import type { Blocker, FailedStep } from '../../src/domain/blocker.ts';
import { err, type Result } from '../../src/domain/result.ts';
import type { SampleResult } from '../../src/domain/sample.ts';
import { runTool } from '../../src/engine/tool.ts';
import { exitCodeOf, type Failure } from '../../src/failure.ts';
import { Recorder } from '../../src/pipeline/recorder.ts';
import { formatFailure } from '../../src/report/failure.ts';
import { runScript } from '../../src/sysroot/source/script.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';
import { hostEngine } from '../support/host-engine.ts';

const PROGRAM = join(REPOSITORY, 'test', 'support', 'diagnose-program.ts');
const ENV = { PATH: '/usr/bin:/bin' };

const REMARK = 'remarked: command `far-tool` not found';

interface Setup {
  readonly artifacts: string;
  readonly recorder: Recorder;
  readonly diagnostics: Diagnostics;
  /** Runs a shell script as a stage does. */
  /** `stated`: what the stage makes of the failure. */
  readonly run: (
    script: string,
    env?: Record<string, string>,
    stated?: (failure: Failure) => Failure,
  ) => Promise<Result<unknown>>;
  readonly read: (code: string) => Blocker;
}

function setUp(t: TestContext): Setup {
  const artifacts = temporaryFolder(t);
  const { settings, signal } = testContext({ home: REPOSITORY });
  const diagnostics = new Diagnostics({
    settings,
    artifacts,
    context: {
      recipe: 'far',
      target: 'far-unknown',
      folder: 'blockers',
      versions: { cc: '1' },
      values: { multiarch: 'far-linux-gnu', target_env: 'FAR_UNKNOWN' },
    },
    recipeFile: 'recipes/far away.yaml',
  });
  const recorder = new Recorder(() => {}, diagnostics);
  const context = { settings, signal, emit: recorder.emit };
  let count = 0;
  return {
    artifacts,
    recorder,
    diagnostics,
    run: async (script, env = ENV, stated = (failure) => failure) => {
      count += 1;
      mkdirSync(join(artifacts, 'logs'), { recursive: true });
      const log = join(artifacts, 'logs', `build-${count}.log`);
      writeFileSync(log, '');
      const box = await hostEngine().open({ rootfs: '/', mounts: [], network: 'none' });
      assert.ok(box.ok);
      const work = async () => {
        const ran = await runTool(context, box.value, {
          stage: 'build',
          code: 'build/failed',
          doing: 'Building',
          fix: ['Fix it.'],
          log,
          remarks: async (output) => (output.includes('something lacks') ? [REMARK] : []),
          command: { argv: ['sh', '-c', script], env, cwd: '/' },
        });
        return ran.ok ? ran : err(stated(ran.error));
      };
      return recorder.stage('build', 'Build', work, () => ({ hit: false, detail: '' }));
    },
    read: (code) => JSON.parse(readFileSync(join(artifacts, 'blockers', `${code}.json`), 'utf8')) as Blocker,
  };
}

function errorOf(result: Result<unknown>): Failure {
  assert.ok(!result.ok);
  return result.error;
}

const LINKER = "echo begin; echo 'error: linker `far-cc` not found' >&2; exit 3";

test('a failing step becomes an artifact with its command, environment, exit, output and versions', async (t) => {
  const { run, read, artifacts, diagnostics } = setUp(t);
  const failure = errorOf(await run(LINKER, { ...ENV, REGISTRY_TOKEN: 'words-that-nobody-sees' }));
  const blocker = read('missing-cross-linker');
  assert.equal(blocker.stage, 'build');
  assert.equal(blocker.failure, 'build/failed');
  assert.deepEqual(blocker.exit, { status: 3 });
  assert.deepEqual(blocker.lines, ['error: linker `far-cc` not found']);
  assert.deepEqual(blocker.command?.argv, ['sh', '-c', LINKER]);
  assert.equal(blocker.command?.cwd, '/');
  assert.equal(blocker.command?.env.REGISTRY_TOKEN, '***');
  assert.deepEqual(blocker.versions, { cc: '1' });
  assert.match(blocker.cure ?? '', /CARGO_TARGET_FAR_UNKNOWN_LINKER=far-linux-gnu-gcc/);
  assert.ok((blocker.ms ?? -1) >= 0);
  assert.ok(!Number.isNaN(Date.parse(blocker.at)));
  const log = readFileSync(join(artifacts, blocker.log), 'utf8');
  assert.match(log, /^\$ sh -c/);
  assert.match(log, /begin\nerror: linker `far-cc` not found\n→ exit status 3\n$/);
  assert.equal(failure.code, 'build/failed');
  assert.deepEqual(
    diagnostics.summaries().map(({ code, file }) => [code, file]),
    [['missing-cross-linker', 'blockers/missing-cross-linker.json']],
  );
});

test('a failure is shown with its cause, the relevant lines, the fix as a command and the path of the log', async (t) => {
  const { run, artifacts } = setUp(t);
  const text = formatFailure(errorOf(await run(LINKER)), { color: false, width: 80 });
  assert.match(text, /^error\[build\/failed\]: Building failed/);
  assert.match(text, /why: {2}No linker for far-unknown is there \[missing-cross-linker\]/);
  assert.match(text, /\| error: linker `far-cc` not found/);
  assert.match(text, /fix: {2}Run:\s+`apt-get install gcc-far-linux-gnu/);
  assert.ok(text.includes(join(artifacts, 'blockers', 'missing-cross-linker.log')));
});

test('a process killed right after a failing step leaves artifact and log complete and without secrets', (t) => {
  const artifacts = temporaryFolder(t);
  const run = spawnSync(process.execPath, [PROGRAM, artifacts], { encoding: 'utf8' });
  assert.equal(run.signal, 'SIGKILL', run.stderr);
  const blocker = JSON.parse(
    readFileSync(join(artifacts, 'blockers', 'missing-cross-linker.json'), 'utf8'),
  ) as Blocker;
  assert.equal(blocker.code, 'missing-cross-linker');
  assert.deepEqual(blocker.exit, { status: 3 });
  const log = readFileSync(join(artifacts, 'blockers', 'missing-cross-linker.log'), 'utf8');
  assert.match(log, /first\n/);
  assert.match(log, /sent \*\*\*\n/);
  for (const name of readdirSync(join(artifacts, 'blockers')))
    assert.doesNotMatch(readFileSync(join(artifacts, 'blockers', name), 'utf8'), /very-secret/);
  assert.deepEqual(
    readdirSync(join(artifacts, 'blockers')).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

test('the blocker of a killed step names the signal', async (t) => {
  const { run, read } = setUp(t);
  errorOf(await run('kill -9 $$'));
  assert.deepEqual(read('unknown').exit, { signal: 'SIGKILL' });
});

test('of an unknown blocker the error is shown, wherever the tool printed it, and not the warnings after it', async (t) => {
  const { run, read } = setUp(t);
  const warnings = 'for n in $(seq 60); do printf "warning: odd\\n --> src/a.rs:$n:1\\n\\n"; done';
  const script = `printf 'error[E9]: odd\\n --> src/b.rs:1:1\\n\\n'; ${warnings}; echo '  CC_x = None'; exit 101`;
  const failure = errorOf(await run(script));
  assert.deepEqual(failure.evidence, ['error[E9]: odd', ' --> src/b.rs:1:1']);
  assert.deepEqual(read('unknown').lines, failure.evidence);
  const ends = errorOf(await run('seq 60; exit 1'));
  assert.deepEqual(ends.evidence?.slice(-2), ['59', '60']);
});

test('what a stage remarks of an output is recognised, and is in the log', async (t) => {
  const { run, read, artifacts } = setUp(t);
  const failure = errorOf(await run('echo something lacks; exit 1'));
  assert.match(failure.why ?? '', /far-tool.*\[missing-program\]/);
  const log = readFileSync(join(artifacts, read('missing-program').log), 'utf8');
  assert.ok(log.includes(`something lacks\n`) && log.includes(`${REMARK}\n`), log);
});

test('what a stage has made of the output of an unknown blocker is shown as it is', async (t) => {
  const { run } = setUp(t);
  const evidence = ['close: a.c:2 (newer)'];
  const stated = (failure: Failure): Failure => ({ ...failure, code: 'build/glibc-too-new', evidence });
  const failure = errorOf(await run("echo 'error[E9]: odd'; exit 1", ENV, stated));
  assert.deepEqual(failure.evidence, evidence);
});

test('two unknown blockers are two artifacts, the same one twice is one', async (t) => {
  const { run, read, diagnostics } = setUp(t);
  await run('echo strange one; exit 1');
  await run('echo strange two; exit 1');
  await run('echo strange one; exit 1');
  assert.deepEqual(
    diagnostics.summaries().map(({ file }) => file),
    ['blockers/unknown.json', 'blockers/unknown-2.json'],
  );
  assert.ok(read('unknown-2').lines.includes('strange two'));
});

test('a failing script of a build from source is recorded as a step', async (t) => {
  const { recorder, artifacts, read } = setUp(t);
  const { settings, signal } = testContext({ home: REPOSITORY });
  const context = { settings, signal, emit: recorder.emit };
  const spec = { rootfs: '/', mounts: [{ kind: 'scratch', at: '/job/build' }], network: 'none' } as const;
  const box = await hostEngine().open(spec);
  assert.ok(box.ok);
  const script = 'phase make\necho "ld.lld: error: undefined symbol: _dl_find_object"\nexit 2\n';
  const work = () =>
    runScript(context, box.value, {
      stage: 'cpython',
      name: 'cpython',
      script,
      env: ENV,
      logs: join(artifacts, 'logs'),
    });
  errorOf(await recorder.stage('cpython', 'CPython', work, () => ({ hit: false, detail: '' })));
  assert.equal(read('dl-find-object').stage, 'cpython');
  assert.match(read('dl-find-object').doing, /cpython, at "make"/);
});

test('a failure of our own becomes a blocker as it is: the catalogue is not asked; a mistake of the user becomes none', async (t) => {
  const { recorder, diagnostics, read, artifacts } = setUp(t);
  const fails = (failure: Failure) =>
    recorder.stage(
      'toolchain',
      'Toolchain',
      async () => ({ ok: false, error: failure }),
      () => ({ hit: false, detail: '' }),
    );
  await fails({ code: 'recipe/unknown-key', what: 'No such key.', fix: [] });
  await fails({ code: 'lock/stale', what: 'Stale.', fix: [] });
  assert.deepEqual(diagnostics.blockers, []);
  assert.ok(!existsSync(join(artifacts, 'blockers')));
  const refused = await fails({
    code: 'fetch/no-network',
    what: 'No mirror can be reached.',
    fix: ['Check the network.'],
    evidence: ['https://me:pass@mirror.example/debian/x.deb: connect ECONNREFUSED 127.0.0.1:9'],
  });
  const failure = errorOf(refused);
  assert.equal(failure.code, 'fetch/no-network', 'the exit code stays that of the machine');
  assert.deepEqual([failure.why, failure.fix], [undefined, ['Check the network.']]);
  assert.ok(!JSON.stringify(failure.evidence).includes('me:pass'));
  const blocker = read('fetch-no-network');
  assert.equal(blocker.title, 'No mirror can be reached');
  assert.deepEqual([blocker.cure, blocker.command], [undefined, undefined]);
  assert.match(blocker.lines[0] ?? '', /\*\*\*@mirror\.example/);
});

test('artifacts that cannot be written do not hide what the tool printed', async (t) => {
  const { run, artifacts, diagnostics } = setUp(t);
  writeFileSync(join(artifacts, 'blockers'), 'a file where the folder has to be');
  const failure = errorOf(await run(LINKER));
  assert.equal(failure.code, 'build/failed');
  assert.match(failure.why ?? '', /missing-cross-linker/);
  assert.equal(diagnostics.blockers.length, 1);
});

test('a failure that passes through two stages is explained once', async (t) => {
  const { recorder, diagnostics } = setUp(t);
  const nothing = () => ({ hit: false, detail: '' });
  const inner = () =>
    recorder.stage(
      'engine',
      'Engine',
      async () =>
        err({
          code: 'engine/none',
          what: 'No engine works.',
          fix: ['Start one.'],
          evidence: ['No space left on device'],
        }),
      nothing,
    );
  const failure = errorOf(await recorder.stage('build', 'Build', inner, nothing));
  assert.equal(diagnostics.blockers.length, 1);
  assert.deepEqual([failure.why, failure.fix], [undefined, ['Start one.']], 'no word of a full disk');
  assert.equal(failure.see?.length, 1);
});

test('samples that end the same way are one blocker that lists them', (t) => {
  const { diagnostics, read } = setUp(t);
  const step = (sample: string, output: string, knownOnly = true): FailedStep => ({
    ...{
      stage: 'run',
      doing: `Running ${sample}`,
      argv: ['far', sample],
      env: {},
      cwd: '/',
      place: 'sandbox',
    },
    ...{ exit: { status: 1 }, ms: 5, output, sample, knownOnly },
  });
  assert.equal(diagnostics.record(step('a', 'AssertionError')), undefined, 'a program may end so on purpose');
  diagnostics.record(step('b', "ModuleNotFoundError: No module named 'encodings'"));
  diagnostics.record(step('a', "ModuleNotFoundError: No module named 'encodings'"));
  assert.deepEqual(read('no-encodings').samples, ['a', 'b']);
  assert.ok(
    diagnostics.record(step('c', 'qemu-far did something new', false)),
    'an emulator never ends so on purpose',
  );
});

test('blockers of an earlier run are removed, other files in the folder stay', (t) => {
  const { artifacts } = setUp(t);
  const folder = join(artifacts, 'blockers');
  mkdirSync(folder);
  for (const name of ['no-space.json', 'no-space.log', 'x.json.tmp', 'Notes.txt'])
    writeFileSync(join(folder, name), '');
  writeFileSync(join(artifacts, 'blockers.sarif'), '');
  new Diagnostics({
    settings: testContext({ home: REPOSITORY }).settings,
    artifacts,
    context: { recipe: 'far', target: 'far', folder: 'blockers', versions: {}, values: {} },
    recipeFile: 'far.yaml',
  });
  assert.deepEqual(readdirSync(folder), ['Notes.txt']);
  assert.ok(!existsSync(join(artifacts, 'blockers.sarif')));
});

test('blockers.sarif is valid by the schema of SARIF 2.1.0', async (t) => {
  const { run, artifacts } = setUp(t);
  await run(LINKER);
  await run('echo strange; exit 1');
  await run('echo stranger; exit 1');
  const text = readFileSync(join(artifacts, 'blockers.sarif'), 'utf8');
  const log = JSON.parse(text) as {
    runs: { results: { ruleId: string; locations: object[] }[]; tool: { driver: { rules: object[] } } }[];
  };
  const schema = JSON.parse(
    readFileSync(join(import.meta.dirname, 'schemas', 'sarif-2.1.0.json'), 'utf8'),
  ) as object;
  const validate = new Ajv({
    allErrors: true,
    strict: false,
    validateFormats: false,
    unicodeRegExp: false,
  }).compile(schema);
  assert.ok(validate(log), JSON.stringify(validate.errors));
  assert.deepEqual(
    log.runs[0]?.results.map(({ ruleId }) => ruleId),
    ['blocker/missing-cross-linker', 'blocker/unknown', 'blocker/unknown'],
  );
  assert.match(text, /recipes\/far%20away\.yaml/);
  assert.equal(validate({ ...log, more: 1 }), false);
  const broken = structuredClone(log) as { runs: { results: { level?: string }[] }[] };
  (broken.runs[0]?.results[0] as { level: string }).level = 'dreadful';
  assert.equal(validate(broken), false);
});

test('one blocker that stops every sample blocks the run (exit 6); otherwise samples differ (exit 7)', (t) => {
  const { diagnostics } = setUp(t);
  const result = (name: string, status: 'failed' | 'passed' | 'skipped'): SampleResult => ({
    ...{ name, title: name, tier: 'any', file: `${name}.py`, status },
  });
  const differ: Failure = {
    code: 'samples/differ',
    what: '2 of 3 samples fail: a, b.',
    fix: ['Run one alone.'],
  };
  const both = [result('a', 'failed'), result('b', 'failed'), result('c', 'skipped')];
  assert.equal(diagnostics.explainSamples(differ, both), differ, 'nothing is known: as it was');
  for (const sample of ['a', 'b']) {
    diagnostics.record({
      ...{ stage: 'run', doing: `Running ${sample}`, argv: ['far'], env: {}, cwd: '/', place: 'sandbox' },
      ...{ exit: { status: 1 }, ms: 5, sample, knownOnly: true },
      output: "ModuleNotFoundError: No module named 'encodings'",
    });
  }
  const blocked = diagnostics.explainSamples(differ, both);
  assert.equal(blocked?.code, 'build/does-not-run');
  assert.equal(exitCodeOf(blocked as Failure), 6);
  assert.match(blocked?.what ?? '', /None of the 2 samples runs/);
  const some = diagnostics.explainSamples(differ, [...both, result('d', 'failed')]);
  assert.equal(exitCodeOf(some as Failure), 7);
  assert.match(some?.why ?? '', /no-encodings/);
  assert.equal(diagnostics.explainSamples(undefined, both), undefined);
});

test('exit codes distinguish a blocker, differing samples and a fault of the machine', async (t) => {
  const { run } = setUp(t);
  assert.equal(exitCodeOf(errorOf(await run(LINKER))), 6);
  const codes = [
    'samples/differ',
    'lock/stale',
    'fetch/no-network',
    'engine/none',
    'store/no-space',
  ] as const;
  assert.deepEqual(
    codes.map((code) => exitCodeOf({ code, what: '', fix: [] })),
    [7, 3, 4, 5, 5],
  );
});
