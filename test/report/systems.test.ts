// A report whose samples ran on several systems, in every form in which it is read.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type HostStart, type Report, reportStatus, totalsOf } from '../../src/domain/report.ts';
import type { SampleResult } from '../../src/domain/sample.ts';
import { reportAnnotations } from '../../src/report/actions/annotations.ts';
import { matrixSummary, reportSummary } from '../../src/report/actions/summary.ts';
import { junitXml } from '../../src/report/junit.ts';
import { renderPage } from '../../src/report/page/page.ts';
import { sampleText } from '../../src/report/rows.ts';
import { countedText, summaryLine } from '../../src/report/summary-line.ts';
import { REPOSITORY } from '../support/cli.ts';
import { report } from '../support/report.ts';
import { parseXml } from '../support/xml.ts';

const A = result('any/a');
const B = result('any/b');
const COMMAND: SampleResult = { ...result('command/help'), by: 'command' };
const DIFFERS: SampleResult = {
  ...B,
  ...{ status: 'failed', kind: 'output-differs', reason: 'stdout differs from line 1 on', diff: '-1\n+2\n' },
};
const NOT_STARTED: HostStart = {
  ...{ started: false, with: 'any/a', system: 'This System 12', glibc: '2.36', exit: { status: 1 }, ms: 12 },
  reason: 'it needs glibc 2.38, and this machine has 2.36',
  cures: ['Write `sysroot: portable` into the recipe.'],
  lines: ["libc.so.6: version `GLIBC_2.38' not found"],
};

const EQUAL = on({ old: [A, B], new: [A, B] }, [A, B, COMMAND]);
const ONE_DIFFERS = on({ old: [A, DIFFERS], new: [A, B] }, [A, B]);

test('the line of a run names the systems; one with another number has its own', () => {
  assert.match(
    summaryLine(EQUAL),
    /^2 samples equal the reference, 1 test passes on far-unknown-linux-gnu \(own, old, new\); bundle/,
  );
  assert.match(
    summaryLine(unnamed(EQUAL)),
    /^2 samples equal the reference, 1 test passes on far-unknown-linux-gnu and on old, new; bundle/,
  );
  assert.equal(
    summaryLine(ONE_DIFFERS),
    '1 of 6 samples differs on far-unknown-linux-gnu: see artifacts/far/report.json; first: any/b on old.',
  );
  assert.equal(countedText(ONE_DIFFERS), '2 of 2 equal (own, old: 1 of 2, new)');
  assert.equal(countedText(EQUAL), '2 of 2 equal (own, old, new), 1 of 1 tests pass');
  assert.equal(
    sampleText(ONE_DIFFERS.systems?.[0]?.samples[1] as SampleResult),
    'any/b on old: stdout differs from line 1 on',
  );
});

test('junit.xml has a case for each sample and system, and its class names the system', () => {
  const suite = parseXml(junitXml(EQUAL)).children[0];
  assert.deepEqual(
    suite?.children.map(({ attributes: { classname, name } }) => `${classname} ${name}`),
    [
      ...['far.own.any any/a', 'far.own.any any/b', 'far.any command/help'],
      ...['far.old.any any/a', 'far.old.any any/b', 'far.new.any any/a', 'far.new.any any/b'],
    ],
  );
  const [first] = parseXml(junitXml(unnamed(EQUAL))).children[0]?.children ?? [];
  assert.equal(first?.attributes.classname, 'far.any');
  const failed = parseXml(junitXml(ONE_DIFFERS)).children[0];
  assert.deepEqual([failed?.attributes.tests, failed?.attributes.failures], ['6', '1']);
});

test('the schema of the report knows them, and that of the start on this machine', () => {
  const schema = JSON.parse(readFileSync(join(REPOSITORY, 'docs', 'report.schema.json'), 'utf8')) as object;
  const validate = new Ajv2020({ allErrors: true, formats: { 'date-time': true } }).compile(schema);
  for (const one of [EQUAL, ONE_DIFFERS, { ...EQUAL, hostStart: NOT_STARTED }])
    assert.ok(validate(JSON.parse(JSON.stringify(one))), JSON.stringify(validate.errors));
  assert.ok(!validate({ ...EQUAL, systems: [{ name: 'old' }] }));
});

test('the summaries of a job show each system, and what differs there', () => {
  const text = reportSummary({ ...ONE_DIFFERS, hostStart: NOT_STARTED });
  assert.match(text, /\| on old \| 1 of 2 equal, 1 differ \|/);
  assert.match(text, /\| on new \| 2 of 2 equal \|/);
  assert.match(
    text,
    /\| this machine \| does not start .*This System 12, glibc 2\.36.* it needs glibc 2\.38/,
  );
  assert.match(text, /\| sample \| status \| old \| new \| why \| time \|/);
  assert.match(text, /any\/b on old/);
  assert.match(matrixSummary([EQUAL], []), /2 of 2 equal \(own, old, new\)/);
  const [, annotation] = reportAnnotations(ONE_DIFFERS, undefined, undefined);
  assert.equal(annotation?.title, 'any/b on old: output-differs');
});

test('the page has a column for each system, counts them, and tells of this machine', async () => {
  const text = await page({ ...ONE_DIFFERS, hostStart: NOT_STARTED });
  for (const name of ['own', 'old', 'new'])
    assert.ok(text.includes(`<th scope="col"><span>far <small>${name}</small></span></th>`), name);
  assert.match(text, /differs<\/span>|differs: any\/b on far, old/);
  assert.match(text, /any\/b <small>on far, old: differs<\/small>/);
  assert.match(text, /5 results equal the reference byte for byte, 1 differ\b/);
  assert.match(text, /<li>old: 1 of 2 equal, 1 differ<\/li>/);
  assert.match(
    text,
    /outside of any sandbox it does not start \(This System 12, glibc 2\.36\).*GLIBC_2\.38&#39; not found/s,
  );
  const plain = await page(report());
  assert.match(plain, /<th scope="col"><span>far<\/span><\/th>/);
});

function page(one: Report): Promise<string> {
  return renderPage({
    ...{ recipes: [{ folder: 'far', report: one, blockers: [] }], unreadable: [] },
    ...{ ladders: [], conformances: [], amortizations: [] },
  });
}

function unnamed({ system: _, ...rest }: Report): Report {
  return rest;
}

/** A report with results of the system `own` and of others. */
function on(
  systems: Readonly<Record<string, readonly SampleResult[]>>,
  samples: readonly SampleResult[],
): Report {
  const differ = Object.values(systems)
    .flat()
    .some(({ status }) => status === 'failed');
  const failure = { code: 'samples/differ', what: '1 of 6 samples fails: any/b on old.', fix: [] } as const;
  return report({
    status: reportStatus(differ ? failure : undefined),
    ...(differ ? { failure } : {}),
    samples,
    totals: totalsOf(samples, 0),
    system: { name: 'own', description: 'Own.', glibc: '2.41' },
    systems: Object.entries(systems).map(([name, results]) => {
      const there = results.map((one) => ({ ...one, system: name }));
      return {
        name,
        description: `It is ${name}.`,
        glibc: '2.50',
        samples: there,
        totals: totalsOf(there, 0),
      };
    }),
  });
}

function result(name: string): SampleResult {
  const ran = { stdout: '1\n', stderr: '', encoding: 'utf8', exit: { status: 0 }, ms: 5 } as const;
  return {
    name,
    title: name,
    tier: 'any',
    status: 'passed',
    file: `${name}.py`,
    target: ran,
    reference: ran,
  };
}
