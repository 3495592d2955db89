import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import type { Event } from '../../src/events.ts';
import { failureAnnotations, reportAnnotations } from '../../src/report/actions/annotations.ts';
import { annotation, escapeCommands, masks } from '../../src/report/actions/commands.ts';
import { emitActions } from '../../src/report/actions/emit.ts';
import { addSummary, MAX_SUMMARY, setOutputs } from '../../src/report/actions/files.ts';
import { matrixSummary, reportSummary } from '../../src/report/actions/summary.ts';
import { createRenderer } from '../../src/report/renderer.ts';
import { temporaryFolder } from '../support/cli.ts';
import { report, SAMPLES } from '../support/report.ts';

const BLOCKER: Report['blockers'][number] = {
  code: 'missing-target-std',
  stage: 'build',
  title: "The target's standard library is missing",
  lines: ["error[E0463]: can't find crate for `std`", '  = note: the `far` target | is not </pre> installed'],
  because: 'It comes in a package of its own.',
  cure: 'provision lock | tee x',
  file: 'blockers/missing-target-std.json',
  log: 'blockers/missing-target-std.log',
};

const BLOCKED = report({
  status: 'blocked',
  samples: [],
  blockers: [BLOCKER],
  failure: { code: 'build/failed', what: 'Building failed.', fix: ['Do as `x` says.'], evidence: ['E0463'] },
});

test('an annotation reads back as its message, whatever is in it', () => {
  const message = '100% of a\r\nb: c, d';
  const line = annotation({
    level: 'error',
    message,
    title: 'a:b,c%\n',
    file: 'x,y:z.yaml',
    line: 3,
    column: 7,
  });
  assert.equal(
    line,
    '::error file=x%2Cy%3Az.yaml,line=3,col=7,title=a%3Ab%2Cc%25%0A::100%25 of a%0D%0Ab: c, d',
  );
  // As the runner undoes it (ActionCommand.cs): each escape once, the percent sign last.
  const [, data = ''] = /^::error [^:]*::(.*)$/s.exec(line) ?? [];
  assert.equal(data.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%'), message);
});

test('a secret of several lines is hidden line by line', () => {
  assert.deepEqual(masks('one%\r\n\ntwo'), ['::add-mask::one%25', '::add-mask::two']);
});

test('nothing that a program prints is taken for a command', () => {
  for (const line of ['::error::x', '  ::add-mask::x', 'a ##[error]x', 'ok\n::stop-commands::x', ':::x']) {
    const said = escapeCommands(line);
    assert.ok(!said.split('\n').some((one) => one.trimStart().startsWith('::')), said);
    assert.ok(!said.includes('##['), said);
  }
  assert.equal(escapeCommands('std::fmt::Debug: a::b'), 'std::fmt::Debug: a::b');
});

test('output of tools is in one group for each stage, complete, however stages overlap', async () => {
  const events: Event[] = [
    { type: 'stage-started', stage: 'build', title: 'Build', at: 0 },
    { type: 'stage-started', stage: 'reference', title: 'Reference', at: 0 },
    { type: 'command', stage: 'build', line: 'cargo build' },
    { type: 'stage-output', stage: 'build', stream: 'stderr', text: '::error::from a program\nhalf a li' },
    { type: 'notice', level: 'warning', code: 'a/b', message: 'watch: out' },
    { type: 'notice', level: 'info', code: 'a/c', message: '::x::' },
    { type: 'stage-finished', stage: 'reference', outcome: 'hit', at: 5, detail: '7 packages' },
    { type: 'stage-output', stage: 'build', stream: 'stderr', text: 'ne' },
    { type: 'stage-finished', stage: 'build', outcome: 'failed', at: 5000, detail: 'it broke' },
    { type: 'stage-started', stage: 'run', title: 'Run', at: 0 },
    { type: 'command', stage: 'run', line: 'never ends' },
  ];
  assert.deepEqual(await rendered(events), [
    'build: Build',
    'reference: Reference',
    '::warning title=a/b::watch: out',
    'note: ::x:: [a/c]',
    'reference: cached, 7 packages',
    '::group::build: failed, it broke (5.0 s)',
    'build: $ cargo build',
    'build | ::error::from a program',
    'build | half a line',
    '::endgroup::',
    'run: Run',
    '::group::run: not finished',
    'run: $ never ends',
    '::endgroup::',
  ]);
});

test('the last lines of a stage with endless output are kept', async () => {
  const text = Array.from({ length: 9000 }, (_, i) => `line ${i}\n`).join('');
  const lines = await rendered([
    { type: 'stage-started', stage: 'cpython', title: 'CPython', at: 0 },
    { type: 'stage-output', stage: 'cpython', stream: 'stdout', text },
    { type: 'stage-finished', stage: 'cpython', outcome: 'done', at: 1 },
  ]);
  assert.equal(lines.length, 2000 + 4);
  assert.match(lines[2] as string, /^… 7000 lines before/);
  assert.deepEqual(lines.slice(-2), ['cpython | line 8999', '::endgroup::']);
});

test('failures are annotated at their location, at the recipe, or nowhere; never outside of the repository', () => {
  const at = { file: '/w/recipes/far.yaml', line: 4, column: 2 };
  const place = { file: '/w/far.yaml', line: 9, column: 1 };
  const also = [
    { code: 'recipe/b', what: 'B.', fix: [] },
    { code: 'recipe/c', what: 'C.', fix: [], at: { ...at, file: '/elsewhere/x.yaml' } },
  ] as const;
  assert.deepEqual(
    failureAnnotations({ code: 'recipe/a', what: 'A.', why: 'Why.', fix: ['Fix.'], at, also }, '/w', place),
    [
      {
        level: 'error',
        title: 'recipe/a',
        message: 'A.\nWhy.\nFix.',
        file: 'recipes/far.yaml',
        line: 4,
        column: 2,
      },
      { level: 'error', title: 'recipe/b', message: 'B.', file: 'far.yaml', line: 9, column: 1 },
      { level: 'error', title: 'recipe/c', message: 'C.' },
    ],
  );
  const many = Array.from({ length: 30 }, (_, i) => ({ code: `recipe/x${i}`, what: 'X.', fix: [] }) as const);
  const shown = failureAnnotations({ code: 'recipe/a', what: 'A.', fix: [], also: many }, undefined);
  assert.deepEqual([shown.length, shown.at(-1)?.message], [10, '… and 22 more: see the log.']);
});

test('blockers are annotated at the recipe, samples that differ at their scripts', () => {
  const place = { file: '/w/far.yaml', line: 9, column: 1 };
  const [failure, blocker] = reportAnnotations(BLOCKED, '/w', place);
  assert.deepEqual([failure?.title, failure?.file, failure?.line], ['build/failed', 'far.yaml', 9]);
  assert.deepEqual([blocker?.title, blocker?.file], ['blocker: missing-target-std', 'far.yaml']);
  assert.match(blocker?.message ?? '', /Fix: provision lock/);
  const samples = [{ ...(SAMPLES[3] as (typeof SAMPLES)[number]), file: '/w/samples/metaclass.py' }];
  const [only] = reportAnnotations(report({ samples }), '/w', undefined).filter(
    ({ file }) => file !== undefined,
  );
  assert.deepEqual([only?.file, only?.line], ['samples/metaclass.py', 1]);
});

test('the summary holds the table of samples and of blockers, and nothing in them becomes markup', () => {
  const blocked = reportSummary(BLOCKED);
  assert.match(blocked, /^## ⛔ far on <code>far-unknown-linux-gnu<\/code>$/m);
  assert.match(
    blocked,
    /^\| <code>missing-target-std<\/code> \| build \| The target's .* \| <code>provision lock &#124; tee x<\/code> \|$/m,
  );
  assert.ok(
    blocked.includes("can't find crate for `std`") && blocked.includes('is not &#60;/pre&#62; installed'),
  );
  const differs = reportSummary(report());
  assert.match(differs, /All 6 samples/);
  assert.match(
    differs,
    /^\| <code>dynamic\/metaclass<\/code> \| ❌ failed \| stdout differs from line 1 on \|/m,
  );
  assert.ok(!differs.includes('\u001b') && !differs.includes('\u0001'));
  // Every row of a table has as many cells as its head: no text ends one.
  for (const block of differs.split('\n\n').filter((part) => part.startsWith('| '))) {
    const cells = block.split('\n').map((row) => row.split('|').length);
    assert.deepEqual(new Set(cells).size, 1, block);
  }
});

test('several recipes are one table, and one without a report is in it', () => {
  const table = matrixSummary([report({ recipe: 'one' }), BLOCKED], ['lost']);
  assert.match(table, /^\| one \| .*❌ failed \| 2 of 6 equal/m);
  assert.match(table, /^\| far \| .*⛔ blocked .*<code>missing-target-std<\/code>/m);
  assert.match(table, /^\| lost \|.*no report/m);
});

test('a summary never exceeds what GitHub takes, and states that it was cut', async (t) => {
  const file = join(temporaryFolder(t), 'summary.md');
  const long = `# head\n${'ä'.repeat(100)}\n`.repeat(20_000);
  assert.equal(await addSummary(file, 'first'), true);
  assert.equal(await addSummary(file, long), true);
  const text = readFileSync(file, 'utf8');
  assert.ok(Buffer.byteLength(text) <= MAX_SUMMARY && Buffer.byteLength(text) > MAX_SUMMARY - 500);
  assert.match(text, /^first\n\n# head\n/);
  assert.match(text, /The rest did not fit/);
  assert.ok(!text.includes('\ufffd'));
  assert.equal(await addSummary(file, 'no room is left for this'.repeat(100)), true);
  assert.ok(readFileSync(file).length <= MAX_SUMMARY);
});

test('a collapsible part that would be cut inside is left out', async (t) => {
  const file = join(temporaryFolder(t), 'summary.md');
  const inside = 'x\n'.repeat(MAX_SUMMARY);
  await addSummary(file, `# head\n\n<details>\n<summary>a</summary>\n\n${inside}\n</details>`);
  const text = readFileSync(file, 'utf8');
  assert.ok(text.startsWith('# head') && !text.includes('<details>') && text.length < 1000);
});

test('outputs hold any text, and are added to those in the file', async (t) => {
  const file = join(temporaryFolder(t), 'output');
  writeFileSync(file, 'before=1\n');
  await setOutputs(file, { one: 'a\nb=c\nEOF', two: '' });
  assert.deepEqual(readOutputs(file), { before: '1', one: 'a\nb=c\nEOF', two: '' });
});

test('the output `status` names the exit code', async (t) => {
  const folder = temporaryFolder(t);
  const status = async (code: string | undefined): Promise<unknown> => {
    const output = join(folder, `${(code ?? 'none').replace('/', '-')}`);
    const failure = code === undefined ? undefined : ({ code, what: 'X.', fix: [] } as never);
    await emitActions({ output, mask: [] }, 'run', { failure });
    const { status: word, 'exit-code': exit } = readOutputs(output);
    return [word, exit];
  };
  assert.deepEqual(await status(undefined), ['passed', '0']);
  assert.deepEqual(await status('build/failed'), ['blocked', '6']);
  assert.deepEqual(await status('samples/differ'), ['differs', '7']);
  assert.deepEqual(await status('lock/stale'), ['lock', '3']);
  assert.deepEqual(await status('lock/outdated'), ['outdated', '3']);
  assert.deepEqual(await status('fetch/network'), ['fetch', '4']);
  assert.deepEqual(await status('store/full'), ['engine', '5']);
  assert.deepEqual(await status('recipe/unknown-key'), ['usage', '2']);
  assert.deepEqual(await status('interrupted/signal'), ['interrupted', '130']);
});

test('files of the runner that cannot be written are a warning and do not fail the step', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'is-a-folder'));
  const file = join(folder, 'is-a-folder');
  const said = await emitActions({ output: file, summary: file, mask: [] }, 'run', {
    output: { summary: 'x' },
  });
  assert.deepEqual(said, [
    "::warning::The step's outputs could not be written.",
    "::warning::The step's summary could not be written.",
  ]);
});

/** As the runner reads it: `name=value`, and `name<<end` with lines up to `end`. */
function readOutputs(file: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  for (let i = 0; i < lines.length; i++) {
    const [, name = '', end] = /^([\w-]+)(?:<<(.+)|=)/.exec(lines[i] as string) ?? [];
    if (end === undefined) outputs[name] = (lines[i] as string).slice(name.length + 1);
    else {
      const close = lines.indexOf(end, i);
      outputs[name] = lines.slice(i + 1, close).join('\n');
      i = close;
    }
  }
  return outputs;
}

async function rendered(events: readonly Event[]): Promise<readonly string[]> {
  const out = new PassThrough();
  const streams = { out, err: out, color: true, verbose: false } as unknown as Parameters<
    typeof createRenderer
  >[1];
  const renderer = createRenderer('actions', streams);
  for (const event of events) renderer.emit(event);
  await renderer.finish();
  out.end();
  let text = '';
  for await (const chunk of out) text += chunk;
  return text.split('\n').slice(0, -1);
}
