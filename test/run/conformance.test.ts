// CPython's tests in two runtimes. The driver here is a shell script that writes records as driver.py does; the
// variable RUNTIME distinguishes them.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type {
  Conformance,
  ConformanceSuite,
  KnownOutcome,
  ModuleResult,
} from '../../src/domain/conformance.ts';
import { err } from '../../src/domain/result.ts';
import { interrupted } from '../../src/failure.ts';
import { conformanceText, worseTests } from '../../src/report/conformance.ts';
import { knownOn, matches, totalsOf, unseen } from '../../src/run/conformance/compare.ts';
import { type ConformanceInput, runConformance } from '../../src/run/conformance/run.ts';
import { type RuntimeInstance, SUITE_AT } from '../../src/runtime/instance.ts';
import { openStore } from '../../src/store/open.ts';
import { testContext } from '../support/context.ts';
import { hostEngine } from '../support/host-engine.ts';
import { CONFORMANCE } from '../support/page-artifacts.ts';

/** Shell functions of the stand-in for the driver. */
const DRIVER = `RS=$(printf '\\036')
ran() { printf '\\n%s{"test": "test.%s.T.%s", "outcome": "%s"}\\n' "$RS" "$1" "$2" "$3"; }
why() { printf '\\n%s{"test": "test.%s.T.%s", "outcome": "%s", "message": "%s"}\\n' "$RS" "$1" "$2" "$3" "$4"; }
end() { printf '\\n%s{"end": true}\\n' "$RS"; }
here() { [ "$RUNTIME" = target ]; }
`;

test('a module with equal outcomes conforms, whatever its tests print between the records', async (t) => {
  const { one } = await suite(
    t,
    'ran m a passed; echo noise; printf "no {newline"; ran m b failed; ran m c skipped; end',
  );
  const { conforms, differences, reference, target } = await one();
  assert.deepEqual([conforms, differences], [true, []]);
  const { ms: _, ...counts } = target;
  assert.deepEqual(counts, { end: 'done', passed: 1, failed: 1, skipped: 1 });
  assert.deepEqual({ ...reference, ms: 0 }, { ...target, ms: 0 });
});

test('a test that fails on the target alone is worse, with its message', async (t) => {
  const { one } = await suite(
    t,
    'here && why m a failed "it is far" || ran m a passed; ran m b failed; here && ran m c failed || ran m c skipped; here && ran m d failed; end',
  );
  const { conforms, differences } = await one();
  assert.equal(conforms, false);
  assert.deepEqual(
    differences.map(({ test: name, kind, reference, target, message }) => [
      name,
      kind,
      reference,
      target,
      message,
    ]),
    [
      ['test.m.T.a', 'worse', 'passed', 'failed', 'it is far'],
      ['test.m.T.c', 'worse', 'skipped', 'failed', undefined],
      ['test.m.T.d', 'worse', undefined, 'failed', undefined],
    ],
  );
});

test('a test that the target skips, lacks or passes alone is reported and is no failure', async (t) => {
  const { one } = await suite(
    t,
    'here && why m a skipped "no threads" || ran m a passed; here || ran m b passed; here && ran m c passed || ran m c failed; end',
  );
  const { conforms, differences } = await one();
  assert.equal(conforms, true);
  assert.deepEqual(
    differences.map(({ test: name, kind, target, message }) => [name, kind, target, message]),
    [
      ['test.m.T.a', 'other', 'skipped', 'no threads'],
      ['test.m.T.b', 'other', undefined, undefined],
      ['test.m.T.c', 'better', 'passed', undefined],
    ],
  );
});

test('a module that does not complete is worse as a whole, and names its last test', async (t) => {
  const { one } = await suite(
    t,
    'ran m a passed; here && { echo trapped >&2; exit 3; }; ran m b passed; end',
  );
  const { conforms, differences, target } = await one();
  assert.equal(conforms, false);
  assert.deepEqual([target.end, target.passed], ['stopped', 1]);
  assert.deepEqual(
    differences.map(({ test: name, kind, target: outcome, message }) => [name, kind, outcome, message]),
    [['m', 'worse', 'failed', 'ended with exit status 3 after test.m.T.a:\ntrapped']],
  );
});

test('a module that cannot be imported on the target is worse; one that skips itself is not', async (t) => {
  const broken = await suite(
    t,
    `here && printf '%s{"end": true, "broken": "ImportError"}' "$RS" || { ran m a passed; end; }`,
  );
  assert.deepEqual((await broken.one()).differences, [
    { test: 'm', kind: 'worse', target: 'failed', message: 'ImportError' },
  ]);
  const skips = await suite(
    t,
    `here && printf '%s{"end": true, "skipped": "no _ctypes"}' "$RS" || { ran m a passed; end; }`,
  );
  const result = await skips.one();
  assert.equal(result.conforms, true);
  assert.deepEqual(result.differences, [
    { test: 'm', kind: 'other', target: 'skipped', message: 'no _ctypes' },
  ]);
});

test('a time limit ends a module, and is not kept', async (t) => {
  const { one, engine } = await suite(t, 'ran m a passed; here && exec sleep 60; end', { timeoutSeconds: 3 });
  const result = await one();
  assert.deepEqual([result.conforms, result.target.end], [false, 'time']);
  assert.equal(result.target.reason, 'ran into the time limit after test.m.T.a');
  await one();
  assert.equal(engine.commands.filter(({ env }) => env.RUNTIME === 'target').length, 2);
  assert.equal(engine.commands.filter(({ env }) => env.RUNTIME === 'reference').length, 1);
});

test('a difference declared for the target is no failure, and keeps its reason', async (t) => {
  const known: readonly KnownOutcome[] = [
    { test: 'test.m.T.a', on: ['near'], reason: 'not here' },
    { test: 'test.m.T.*', on: ['musl'], reason: 'libc names it differently' },
    { test: 'test.m.T.b', on: ['musl'], reason: 'never seen' },
  ];
  const { one } = await suite(t, 'here && ran m a failed || ran m a passed; ran m b passed; end', { known });
  const result = await one();
  assert.equal(result.conforms, true);
  assert.equal(result.differences[0]?.declared, 'libc names it differently');
  const applying = knownOn(known, ['far', 'musl']);
  assert.deepEqual(
    unseen(applying, [{ ...result, name: 'm' }]).map(({ reason }) => reason),
    ['never seen'],
  );
  assert.deepEqual(totalsOf([result], 0), {
    modules: 1,
    conforming: 1,
    reference: { passed: 2, failed: 0, skipped: 0 },
    target: { passed: 1, failed: 1, skipped: 0 },
    worse: 1,
    declared: 1,
    cached: 0,
  });
});

test('a pattern matches a whole name, and only `*` is special in it', () => {
  assert.ok(matches('test.test_x.*', 'test.test_x.T.test_y'));
  assert.ok(!matches('test.test_x.T', 'test.test_x.T.test_y'));
  assert.ok(!matches('test.test_x', 'testttest_x'));
  assert.ok(matches('test.*.test_[a]', 'test.test_x.T.test_[a]'));
});

test('the target alone is passed the facilities that it lacks; both find the tests beside the driver', async (t) => {
  const { one, engine } = await suite(t, 'ran m a passed; end', { without: ['subprocess', 'threads'] });
  await one();
  const argv = (name: string) => engine.commands.find(({ env }) => env.RUNTIME === name)?.argv.slice(1);
  assert.deepEqual(argv('target'), [
    `${SUITE_AT}/driver.py`,
    ...['m', '--without', 'subprocess', '--without', 'threads'],
  ]);
  assert.deepEqual(argv('reference'), [`${SUITE_AT}/driver.py`, 'm']);
  for (const { mounts } of engine.opened)
    assert.ok(mounts.some(({ kind, at }) => kind === 'tree' && at === `${SUITE_AT}/test`));
  for (const { env } of engine.commands) assert.equal(env.PYTHONPATH, SUITE_AT);
});

test('a result in the store is reused without an engine; other tests or another driver are run', async (t) => {
  const { one, run, change, engine } = await suite(t, 'ran m a passed; end');
  const cold = await one();
  const warm = await run({ engine: async () => err(interrupted()) });
  assert.ok(warm.ok);
  assert.deepEqual([warm.value.cached, warm.value.modules[0]], [1, cold]);
  await run({ tests: { folder: tmpdir(), fingerprint: 'b'.repeat(64) } });
  assert.equal(engine.commands.length, 4);
  change('ran m a failed; end');
  assert.equal((await one()).reference.failed, 1);
});

test('a module that does not conform by a result of the store is run anew, unless that is declared', async (t) => {
  const declared = { known: [{ test: 'test.m.T.b', on: ['far'], reason: 'known' }] };
  for (const [test_, options, again] of [
    ['a', {}, 2],
    ['b', declared, 0],
  ] as const) {
    const { one, engine } = await suite(
      t,
      `if here; then ran m ${test_} failed; else ran m ${test_} passed; fi; end`,
      options,
    );
    const { conforms } = await one();
    assert.equal(conforms, again === 0);
    const before = engine.commands.length;
    await one();
    assert.equal(engine.commands.length - before, again);
  }
});

test('conformance.json fits its schema, and the schema rejects other keys', () => {
  const schema = JSON.parse(
    readFileSync(new URL('../../docs/conformance.schema.json', import.meta.url), 'utf8'),
  ) as object;
  const validate = new Ajv2020({
    allErrors: true,
    strict: true,
    formats: { 'date-time': (text: string) => !Number.isNaN(Date.parse(text)) },
  }).compile(schema);
  const good = JSON.parse(JSON.stringify(CONFORMANCE)) as Record<string, unknown>;
  assert.ok(validate(good), JSON.stringify(validate.errors));
  assert.equal(validate({ ...good, more: 1 }), false);
  assert.equal(validate({ ...good, totals: undefined }), false);
  const [first] = good.modules as readonly Record<string, unknown>[];
  assert.equal(
    validate({ ...good, modules: [{ ...first, differences: [{ test: 'a', kind: 'odd' }] }] }),
    false,
  );
});

test('the summary fits 80 columns and names what is worse', () => {
  const text = conformanceText(CONFORMANCE as Conformance);
  for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
  assert.match(text, /^test_far +2 +0 +1 +0 +2 +1 {2}1 worse, 1 declared$/m);
  assert.match(text, /^ {2}test\.test_far\.FarTest\.test_near$/m);
  assert.match(text, /1 of 2 modules conform/);
  assert.deepEqual(
    worseTests(CONFORMANCE).map(({ test: name }) => name),
    ['test.test_far.FarTest.test_near'],
  );
});

test('a program that gives Python no arguments is named as that, and is no failure of a test', async (t) => {
  const { run } = await suite(
    t,
    `here && printf '\\n%s{"end": true, "arguments": false}\\n' "$RS" && exit 2; ran m a passed; end`,
  );
  const outcome = await run();
  assert.ok(!outcome.ok);
  assert.equal(outcome.error.code, 'samples/no-arguments');
});

async function suite(
  t: TestContext,
  script: string,
  options: Partial<ConformanceSuite> & { readonly without?: readonly string[] } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'provision-conformance-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const store = await openStore(join(folder, 'store'));
  assert.ok(store.ok);
  const driver = join(folder, 'driver.py');
  const change = (text: string): void => writeFileSync(driver, `${DRIVER}${text}\n`);
  change(script);
  mkdirSync(join(folder, 'tests'));
  const engine = hostEngine();
  const context = testContext({ store: join(folder, 'store') });
  const instance = (name: string): RuntimeInstance => ({
    kind: 'native',
    rootfs: '/',
    mounts: [],
    command: ['/bin/sh'],
    env: { RUNTIME: name },
    key: name,
  });
  const input: ConformanceInput = {
    suite: {
      ...{ file: 'suite.yaml', image: 'tests', folder: '', package: 'tests', modules: ['m'] },
      ...{ renamed: {}, timeoutSeconds: 30, known: [] },
      ...options,
    },
    modules: ['m'],
    tests: { folder: join(folder, 'tests'), fingerprint: 'a'.repeat(64) },
    runtimes: { target: instance('target'), reference: instance('reference') },
    names: ['far', 'musl'],
    without: options.without ?? [],
    driver,
    engine: async () => ({ ok: true, value: engine }),
  };
  const run = (other: Partial<ConformanceInput> = {}) =>
    runConformance(context, store.value, { ...input, ...other });
  const one = async (): Promise<ModuleResult> => {
    const outcome = await run();
    assert.ok(outcome.ok, JSON.stringify(outcome));
    return outcome.value.modules[0] as ModuleResult;
  };
  return { run, one, change, engine };
}
