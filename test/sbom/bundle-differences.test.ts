import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundleDifferences } from '../../src/sbom/bundle-differences.ts';
import { addElfSections } from '../../src/sbom/elf-sections.ts';
import { makeElf } from '../support/elf.ts';

function program(text: string): Buffer {
  const sections = [
    { name: '.same', bytes: Buffer.from('same') },
    { name: '.text', bytes: Buffer.from(text) },
  ];
  const made = addElfSections(makeElf({ machine: 62 }), sections);
  assert.ok(made);
  return made;
}

test('differences are told by file, and of a program by section', () => {
  const given = new Map([
    ['bin/app', program('abc')],
    ['lib/a', Buffer.from('12345')],
    ['lib/gone', Buffer.from('')],
    ['lib/same', Buffer.from('x')],
  ]);
  const rebuilt = new Map([
    ['bin/app', program('abd')],
    ['lib/a', Buffer.from('1234')],
    ['lib/new', Buffer.from('')],
    ['lib/same', Buffer.from('x')],
  ]);
  assert.deepEqual(bundleDifferences(given, rebuilt), [
    'bin/app: section .text',
    'lib/a: from byte 4 on (5 and 4 bytes)',
    'lib/gone: only in the given one',
    'lib/new: only in the rebuilt one',
  ]);
  assert.deepEqual(bundleDifferences(given, given), []);
});

test('a program whose sections are the same differs in its headers', () => {
  const [one, other] = [program('abc'), program('abc')];
  other[7] = 9;
  assert.deepEqual(bundleDifferences(new Map([['p', one]]), new Map([['p', other]])), [
    `p: its headers, from byte 7 on (${one.length} bytes)`,
  ]);
});
