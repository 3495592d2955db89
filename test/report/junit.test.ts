import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { junitXml } from '../../src/report/junit.ts';
import { REPOSITORY } from '../support/cli.ts';
import { report, SAMPLES } from '../support/report.ts';

const SCHEMA = join(REPOSITORY, 'docs', 'junit.xsd');

const FULL = junitXml(report());

test('junit.xml is valid by its schema, however the samples ended and whatever they print', () => {
  assert.deepEqual(validate(FULL), { status: 0, said: '- validates\n' });
  for (const sample of SAMPLES)
    assert.equal(validate(junitXml(report({ samples: [sample] }))).status, 0, sample.name);
});

test('junit.xml of a run without samples, and of one that stopped, is valid by its schema', () => {
  assert.equal(validate(junitXml(report({ samples: [], status: 'passed' }))).status, 0);
  const failure = { code: 'build/failed', what: 'A "quoted" <thing> & more.', fix: [] } as const;
  const stopped = junitXml(report({ samples: [], status: 'blocked', failure }));
  assert.match(stopped, /<error type="build\/failed"/);
  assert.deepEqual(validate(stopped), { status: 0, said: '- validates\n' });
});

test('the schema rejects what is never written', () => {
  const wrong: readonly (readonly [string | RegExp, string])[] = [
    [' name="any/containers"', ' name="any/containers" file="x.py"'],
    [/ type="output-differs"/, ''],
    [/ tests="6"/g, ' tests="six"'],
    ['<skipped ', '<omitted '],
    [/ timestamp="[^"]*"/, ' timestamp="yesterday"'],
    ['</testsuite>', '</testsuite><testsuite/>'],
  ];
  for (const [from, to] of wrong) {
    const text = FULL.replace(from, to);
    assert.notEqual(text, FULL, String(from));
    assert.equal(validate(text).status, 3, String(from));
  }
});

function validate(xml: string): { readonly status: number | null; readonly said: string } {
  const { status, stderr, error } = spawnSync('xmllint', ['--noout', '--schema', SCHEMA, '-'], {
    input: xml,
    encoding: 'utf8',
  });
  if (error !== undefined) throw new Error('there is no xmllint here: apt-get install libxml2-utils');
  return { status, said: stderr };
}
