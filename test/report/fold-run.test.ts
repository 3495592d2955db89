// A report of a run is folded from its events, however far the run came.
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import type { Event, StageName } from '../../src/events.ts';
import { foldRun, recordRun } from '../../src/report/fold-run.ts';
import { makeReport } from '../../src/report/run-report.ts';

const BEGAN = 1_000;
const RUN = { recipe: 'far', target: { name: 'far', triple: 'far-unknown' }, plan: 'sha256:1' };

function started(stage: StageName, at: number): Event {
  return { type: 'stage-started', stage, title: stage, at };
}

function finished(stage: StageName, at: number, outcome: 'done' | 'hit' | 'failed' = 'done'): Event {
  return { type: 'stage-finished', stage, outcome, at, detail: `${stage} is over` };
}

test('stages are listed as they end, with their beginning and duration', () => {
  const { stages, running } = foldRun(BEGAN, [
    started('toolchain', 1_010),
    started('build', 1_100),
    started('rootfs', 1_150),
    finished('rootfs', 1_200, 'hit'),
    finished('toolchain', 1_300),
  ]);
  assert.deepEqual(stages, [
    { name: 'rootfs', outcome: 'hit', start: 150, ms: 50, detail: 'rootfs is over' },
    { name: 'toolchain', outcome: 'done', start: 10, ms: 290, detail: 'toolchain is over' },
  ]);
  assert.deepEqual(running, [{ stage: 'build', at: 1_100 }], 'what was interrupted has no outcome');
});

test('a stage inside another one of the same name ends first', () => {
  const { stages } = foldRun(BEGAN, [
    started('run', 1_000),
    started('run', 1_005),
    finished('run', 1_006),
    finished('run', 1_020),
  ]);
  assert.deepEqual(
    stages.map(({ start, ms }) => [start, ms]),
    [
      [5, 1],
      [0, 20],
    ],
  );
});

test('bytes of facts are summed, later tests replace earlier ones', () => {
  const sample = { name: 'a', title: 'a', tier: 'any', status: 'passed', file: 'a.py' } as const;
  const { facts } = foldRun(BEGAN, [
    { type: 'facts', facts: { downloaded: 10 } },
    { type: 'facts', facts: { downloaded: 5, unpacked: 100 } },
    { type: 'facts', facts: { unpacked: 0, tests: { results: [], cached: 0, logs: [], systems: [] } } },
    { type: 'facts', facts: { tests: { results: [sample], cached: 1, logs: ['logs/a'], systems: [] } } },
  ]);
  assert.equal(facts.downloaded, 15);
  assert.equal(facts.unpacked, 100);
  assert.deepEqual(facts.tests, { results: [sample], cached: 1, logs: ['logs/a'], systems: [] });
});

test('a second plan starts the facts anew and keeps stages and notices', () => {
  const record = foldRun(BEGAN, [
    { type: 'planned', run: RUN },
    started('toolchain', 1_001),
    finished('toolchain', 1_002, 'failed'),
    { type: 'facts', facts: { downloaded: 10, bundle: { file: 'x.tar.gz', digest: 'sha256:2', size: 3 } } },
    { type: 'notice', level: 'warning', code: 'lock/moved-on', message: 'The archive moved on.' },
    { type: 'planned', run: { ...RUN, plan: 'sha256:3' } },
  ]);
  assert.deepEqual(record.facts, {});
  assert.equal(record.planned?.plan, 'sha256:3');
  assert.deepEqual(
    record.stages.map(({ name }) => name),
    ['toolchain'],
  );
  assert.deepEqual(record.notices, [
    { level: 'warning', code: 'lock/moved-on', message: 'The archive moved on.' },
  ]);
});

test('recording passes every event on and has the same record as the fold', () => {
  const events: Event[] = [
    started('build', 1_001),
    { type: 'command', stage: 'build', line: 'cargo build' },
    finished('build', 1_002),
  ];
  const seen: Event[] = [];
  const { emit, record } = recordRun(BEGAN, (event) => seen.push(event));
  for (const event of events) emit(event);
  assert.deepEqual(seen, events);
  assert.deepEqual(record(), foldRun(BEGAN, events));
});

const REPORT = { blockers: [], machine: 'x', version: '1', artifacts: `${tmpdir()}/none/far`, cwd: tmpdir() };

test('the report of a run that was stopped has what was finished, and no more', () => {
  const report = makeReport({
    ...REPORT,
    failure: { code: 'interrupted/signal', what: 'Interrupted.', fix: [] },
    record: foldRun(BEGAN, [
      { type: 'planned', run: RUN },
      started('toolchain', 1_001),
      { type: 'facts', facts: { downloaded: 7, unpacked: 9, bundle: { file: 'b', digest: 'd', size: 1 } } },
    ]),
  });
  assert.equal(report?.status, 'error');
  assert.equal(report?.recipe, 'far');
  assert.equal(report?.artifacts, 'none/far');
  assert.deepEqual(report?.bytes, { downloaded: 7, unpacked: 9 });
  assert.deepEqual(report?.bundle, { file: 'none/far/b', digest: 'd', size: 1 });
  assert.deepEqual(report?.stages, []);
  assert.deepEqual(report?.samples, []);
  assert.equal(report !== undefined && 'python' in report, false, 'what nobody reported is left out');
});

test('a run without a plan has no report', () => {
  assert.equal(makeReport({ ...REPORT, record: foldRun(BEGAN, [started('lock', 1_001)]) }), undefined);
});
