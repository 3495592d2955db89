// Samples on several systems at once. The samples are shell scripts; RUNTIME is the system that they run on.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Context } from '../../src/domain/context.ts';
import { ok } from '../../src/domain/result.ts';
import type { Event } from '../../src/events.ts';
import { collectSamples } from '../../src/run/collect.ts';
import { type RunOutcome, runSamples, type SystemRuntime } from '../../src/run/run.ts';
import { samplesFailure } from '../../src/run/samples-failure.ts';
import type { RuntimeInstance } from '../../src/runtime/instance.ts';
import { openStore } from '../../src/store/open.ts';
import { temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { type HostEngine, hostEngine } from '../support/host-engine.ts';

const FILES = {
  'same.py': 'echo same\n',
  'other.py': '[ $RUNTIME = old ] && echo older || echo same\n',
};

test('each sample runs on every system and once on the reference, as many at once as there are jobs', async (t) => {
  const { run, engine, events } = await suite(t, FILES);
  const outcome = await run(['old', 'new']);
  assert.deepEqual(
    outcome.results.map(({ name, status, system }) => [name, status, system]),
    [
      ['other', 'passed', undefined],
      ['same', 'passed', undefined],
    ],
  );
  assert.deepEqual(
    outcome.systems.map(({ name, results }) => [
      name,
      ...results.map((one) => `${one.name} ${one.status} ${one.system}`),
    ]),
    [
      ['old', 'other failed old', 'same passed old'],
      ['new', 'other passed new', 'same passed new'],
    ],
  );
  assert.deepEqual([outcome.passed, outcome.failed], [2, 0], 'of the first system');
  const counted = Map.groupBy(engine.commands, ({ env }) => env.RUNTIME as string);
  assert.deepEqual([...counted].map(([name, commands]) => `${name} ${commands.length}`).sort(), [
    'new 2',
    'old 2',
    'reference 2',
    'target 2',
  ]);
  assert.equal(engine.peak(), 2);
  const progress = events.findLast((event) => event.type === 'stage-progress');
  assert.deepEqual([progress?.done, progress?.total], [6, 6]);
});

test('what differs on one system is named with it, logged beside the others and a failed step of its own', async (t) => {
  const { run, events, artifacts } = await suite(t, FILES);
  const outcome = await run(['old', 'new']);
  const failure = samplesFailure(outcome, 'far', 'artifacts/far');
  assert.equal(failure?.code, 'samples/differ');
  assert.equal(failure?.what, '1 of 6 samples fails: other on old.');
  assert.match(failure?.why ?? '', /^other on old: stdout differs from line 1 on/);
  assert.ok(
    failure?.fix.includes(
      'Where it need not run on `old`, write the other systems into the recipe: `systems: [new]`.',
    ),
    failure?.fix.join('\n'),
  );
  const diff = 'logs/systems/old/other.diff';
  assert.ok(outcome.logs.includes(diff) && existsSync(join(artifacts, diff)));
  const steps = events.flatMap((event) => (event.type === 'step-failed' ? [event.step.sample] : []));
  assert.deepEqual(steps, ['other on old']);
});

test('a second run starts nothing, and a further system starts its own alone', async (t) => {
  const { run, engine } = await suite(t, { 'same.py': FILES['same.py'], 'second.py': 'echo 2\n' });
  await run(['old']);
  const before = engine.commands.length;
  const warm = await run(['old']);
  assert.equal(engine.commands.length, before);
  assert.deepEqual([warm.cached, warm.systems[0]?.cached], [2, 2]);
  await run(['old', 'new']);
  assert.deepEqual(
    engine.commands.slice(before).map(({ env }) => env.RUNTIME),
    ['new', 'new'],
  );
});

test('what failed on one system is started anew there, and once on the reference for all', async (t) => {
  const { run, engine } = await suite(t, FILES);
  await run(['old', 'new']);
  const before = engine.commands.length;
  await run(['old', 'new']);
  assert.deepEqual(
    engine.commands
      .slice(before)
      .map(({ env }) => env.RUNTIME)
      .sort(),
    ['old', 'reference'],
  );
});

test('a difference may be declared for a system', async (t) => {
  const header = '# /// sample\n# title: Other\n# differs-on: old: it is older\n# ///\n';
  const { run, events } = await suite(t, { 'other.py': `${header}${FILES['other.py']}` });
  const outcome = await run(['old', 'new']);
  assert.deepEqual(
    outcome.systems.map(({ results }) => [results[0]?.status, results[0]?.declared]),
    [
      ['passed', ['it is older']],
      ['passed', undefined],
    ],
  );
  assert.ok(!events.some((event) => event.type === 'notice'), JSON.stringify(events));
});

interface Suite {
  readonly run: (systems: readonly string[]) => Promise<RunOutcome>;
  readonly engine: HostEngine;
  readonly events: readonly Event[];
  readonly artifacts: string;
}

async function suite(t: TestContext, files: Readonly<Record<string, string>>): Promise<Suite> {
  const folder = temporaryFolder(t);
  put(join(folder, 'suite'), files);
  const opened = await openStore(join(folder, 'store'));
  assert.ok(opened.ok);
  const store = opened.value;
  t.after(() => store.settled());
  const engine = hostEngine();
  const events: Event[] = [];
  const artifacts = join(folder, 'artifacts');
  const run = async (systems: readonly string[]): Promise<RunOutcome> => {
    const samples = await collectSamples([join(folder, 'suite')], { timeoutSeconds: 5 });
    assert.ok(samples.ok);
    const context = {
      settings: { jobs: 2, cwd: '/' },
      emit: (event: Event) => events.push(event),
      signal: new AbortController().signal,
    } as unknown as Context;
    const result = await runSamples(context, store, {
      engine: async () => ok(engine),
      samples: samples.value,
      target: { name: 'far', rustTriple: 'far-unknown-linux-gnu', libc: 'gnu' },
      capabilities: [],
      python: '3.13',
      runtimes: { target: instance('target'), reference: instance('reference') },
      systems: systems.map(
        (name): SystemRuntime => ({
          facts: { name, description: `It is ${name}.` },
          runtime: instance(name),
        }),
      ),
      artifacts,
      leavesPythonOpen: async () => false,
    });
    if (!result.ok) throw new Error(JSON.stringify(result.error));
    return result.value;
  };
  return { run, engine, events, artifacts };
}

function instance(name: string): RuntimeInstance {
  return { kind: 'native', rootfs: '/', mounts: [], command: ['/bin/sh'], env: { RUNTIME: name }, key: name };
}
