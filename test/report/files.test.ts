import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Report } from '../../src/domain/report.ts';
import { writeReport } from '../../src/report/files.ts';
import { report } from '../support/report.ts';
import { type Element, parseXml } from '../support/xml.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../docs/report.schema.json', import.meta.url), 'utf8'),
) as object;
const validate = new Ajv2020({ allErrors: true, strict: true, formats: { 'date-time': isDate } }).compile(
  schema,
);

test('a written report is valid by its schema, with all fields and with the fewest', async (t) => {
  const full = await written(t, report());
  assert.ok(validate(full.json), JSON.stringify(validate.errors));
  const stopped = await written(t, report(STOPPED));
  assert.ok(validate(stopped.json), JSON.stringify(validate.errors));
});

test('the schema rejects what a report never holds', () => {
  const good = JSON.parse(JSON.stringify(report())) as Record<string, unknown>;
  assert.equal(validate({ ...good, more: 1 }), false);
  assert.equal(validate({ ...good, status: 'fine' }), false);
  assert.equal(validate({ ...good, started: 'yesterday' }), false);
  assert.equal(validate({ ...good, totals: undefined }), false);
  assert.equal(validate({ ...good, samples: [{ ...(good.samples as object[])[0], kind: 'other' }] }), false);
});

test('the order of keys does not depend on how a report was put together', async (t) => {
  const turned = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(turned);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, item]) => [key, turned(item)]),
    );
  };
  const one = await written(t, report());
  const other = await written(t, turned(report()) as Report);
  assert.equal(other.text, one.text);
  assert.deepEqual(Object.keys(one.json as object).slice(0, 5), [
    'schema',
    'tool',
    'status',
    'recipe',
    'target',
  ]);
});

test('junit.xml is well-formed whatever the samples print, and has the outcome of each', async (t) => {
  const { suites } = await written(t, report());
  const [suite] = suites.children as [Element];
  assert.deepEqual(
    [suites.name, suites.attributes.tests, suites.attributes.failures, suites.attributes.errors],
    ['testsuites', '6', '2', '1'],
  );
  assert.deepEqual(suite.attributes, {
    name: 'far',
    tests: '6',
    failures: '2',
    errors: '1',
    skipped: '1',
    time: '61.111',
    timestamp: '2026-01-02T03:04:05',
  });
  const [containers, locale, threads, metaclass, crash, odd] = suite.children as [
    Element,
    Element,
    Element,
    Element,
    Element,
    Element,
  ];
  assert.deepEqual(
    [containers.attributes.classname, containers.attributes.name, containers.attributes.time],
    ['far.any', 'any/containers', '2.468'],
  );
  assert.deepEqual(containers.children, []);
  assert.equal(locale.children[0]?.text, 'declared: libc names its locales differently');
  assert.deepEqual(
    [threads.children[0]?.name, threads.children[0]?.attributes],
    ['skipped', { message: 'far lacks threads' }],
  );
  assert.deepEqual(
    [metaclass.children[0]?.name, metaclass.children[0]?.attributes.type],
    ['failure', 'output-differs'],
  );
  assert.equal(
    metaclass.children[0]?.text,
    '--- reference stdout\n+++ target stdout\n@@ -1,1 +1,1 @@\n-<class "A"> & ]]>\n+\\x1b[31m\n',
  );
  assert.equal(crash.children[0]?.name, 'error');
  assert.equal(odd.attributes.name, 'x\\u{1}\\u{fffe}\\u{d800}"<&>\r\n');
  assert.equal(odd.children[0]?.attributes.message, 'control \\u{0} \\u{1b} and\nnewline');
  assert.equal(odd.children[0]?.text, '\\u{8}\r\n');
});

test('a run that stopped before its samples is one test case with an error', async (t) => {
  const { suites } = await written(t, report(STOPPED));
  const [suite] = suites.children as [Element];
  assert.deepEqual([suite.attributes.tests, suite.attributes.errors], ['1', '1']);
  const [only] = suite.children as [Element];
  assert.deepEqual([only.attributes.classname, only.attributes.name], ['far.pipeline', 'build']);
  assert.equal(only.children[0]?.attributes.type, 'build/compile');
  assert.match(only.children[0]?.text as string, /error\[E0425\].*\nFix src/s);
});

test('logs of earlier runs are removed with their empty folders, other files stay', async (t) => {
  const folder = temporary(t);
  const put = (...paths: readonly string[]): void => {
    for (const path of paths) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), 'x');
    }
  };
  put(
    'logs/gone/deep/a.diff',
    'logs/gone/deep/a.target.stdout',
    'logs/stays/b.diff',
    'logs/build.log',
    'bundle.tar.gz',
    'x.diff',
  );
  await writeReport(
    folder,
    report({
      logs: [
        'logs/gone/deep/a.diff',
        'logs/gone/deep/a.target.stdout',
        'logs/stays/b.diff',
        'logs/build.log',
      ],
    }),
  );
  // Left by a run that was killed before it could list them, and files of somebody else.
  put('logs/killed.reference.stderr', 'logs/killed.diff', 'logs/own.txt', 'logs/own/other.diff');
  assert.deepEqual(await writeReport(folder, report({ logs: ['logs/stays/b.diff'] })), {
    ok: true,
    value: undefined,
  });
  assert.deepEqual(readdirSync(folder).sort(), [
    'bundle.tar.gz',
    'junit.xml',
    'logs',
    'report.json',
    'x.diff',
  ]);
  assert.deepEqual(readdirSync(join(folder, 'logs'), { recursive: true }).sort(), [
    'own',
    'own.txt',
    join('own', 'other.diff'),
    'stays',
    join('stays', 'b.diff'),
  ]);
});

test('a report written by another program removes nothing', async (t) => {
  for (const text of [
    '{"logs": ["../victim", "logs/../../victim", "victim", 1]}',
    '{"logs": 3}',
    'null',
    'not json',
    '[]',
  ]) {
    const folder = join(temporary(t), 'artifacts');
    mkdirSync(folder);
    writeFileSync(join(folder, '../victim'), '');
    writeFileSync(join(folder, 'victim'), '');
    writeFileSync(join(folder, 'report.json'), text);
    assert.deepEqual(await writeReport(folder, report()), { ok: true, value: undefined }, text);
    assert.ok(existsSync(join(folder, '../victim')) && existsSync(join(folder, 'victim')), text);
  }
});

test('a folder that cannot be written is a failure that names it, and leaves no temporary file', async (t) => {
  const folder = temporary(t);
  writeFileSync(join(folder, 'file'), '');
  const inTheWay = await writeReport(join(folder, 'file'), report());
  assert.equal(inTheWay.ok ? undefined : inTheWay.error.code, 'usage/artifacts');
  mkdirSync(join(folder, 'far/report.json'), { recursive: true });
  const isFolder = await writeReport(join(folder, 'far'), report());
  assert.ok(!isFolder.ok && isFolder.error.what.includes(join(folder, 'far')));
  assert.ok(!readdirSync(join(folder, 'far')).some((name) => name.endsWith('.tmp')));
  assert.ok(existsSync(join(folder, 'far/report.json')));
});

const STOPPED: Partial<Report> = {
  status: 'blocked',
  samples: [],
  bundle: undefined,
  reference: undefined,
  engine: undefined,
  python: undefined,
  toolchain: undefined,
  sysroot: undefined,
  stages: [
    { name: 'toolchain', outcome: 'done', ms: 1 },
    { name: 'build', outcome: 'failed', ms: 1 },
  ],
  failure: {
    code: 'build/compile',
    what: 'The runner does not compile.',
    at: { file: 'src/main.rs', line: 3, column: 5, text: 'let x' },
    evidence: ['error[E0425]: cannot find value `y` in this scope'],
    fix: ['Fix src/main.rs'],
    see: ['artifacts/far/logs/build.log'],
    also: [{ code: 'build/linker', what: 'x', fix: [] }],
  },
} as unknown as Partial<Report>;

async function written(
  t: TestContext,
  one: Report,
): Promise<{ json: unknown; text: string; suites: Element }> {
  const folder = join(temporary(t), 'artifacts', one.recipe);
  assert.deepEqual(await writeReport(folder, one), { ok: true, value: undefined });
  const text = readFileSync(join(folder, 'report.json'), 'utf8');
  return { json: JSON.parse(text), text, suites: parseXml(readFileSync(join(folder, 'junit.xml'), 'utf8')) };
}

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'report-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function isDate(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(text) && !Number.isNaN(Date.parse(text));
}
