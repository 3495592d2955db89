import assert from 'node:assert/strict';
import { test } from 'node:test';
import { name, writeSections } from '../../src/runtime/wasm/module.ts';
import { bundleDifferences, differenceText, type Files } from '../../src/sbom/bundle-differences.ts';
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

function lines(given: Files, rebuilt: Files): readonly string[] {
  return bundleDifferences(given, rebuilt).map(differenceText);
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
  assert.deepEqual(lines(given, rebuilt), [
    'bin/app: section .text',
    'lib/a: from byte 4 on (5 and 4 bytes)',
    'lib/gone: only in the given one',
    'lib/new: only in the rebuilt one',
  ]);
  assert.deepEqual(bundleDifferences(given, rebuilt).slice(0, 2), [
    { file: 'bin/app', section: '.text' },
    { file: 'lib/a', how: 'from byte 4 on (5 and 4 bytes)' },
  ]);
  assert.deepEqual(bundleDifferences(given, given), []);
});

test('a program whose sections are the same differs in its headers', () => {
  const [one, other] = [program('abc'), program('abc')];
  other[7] = 9;
  assert.deepEqual(lines(new Map([['p', one]]), new Map([['p', other]])), [
    `p: its headers, from byte 7 on (${one.length} bytes)`,
  ]);
});

test('a module of WebAssembly is compared by its sections, too, also one that is cut off', () => {
  const module = (code: number, producers: string): Buffer =>
    Buffer.from(
      writeSections([
        { id: 1, payload: new Uint8Array([1, 0x60, 0, 0]) },
        { id: 10, payload: new Uint8Array([code]) },
        { id: 0, payload: new Uint8Array([...name('producers'), ...Buffer.from(producers)]) },
        { id: 0, payload: new Uint8Array(name('.sbom.cdx')) },
      ]),
    );
  const differences = (one: Buffer, other: Buffer): readonly string[] =>
    lines(new Map([['bin/app.wasm', one]]), new Map([['bin/app.wasm', other]]));
  assert.deepEqual(differences(module(1, 'a'), module(2, 'b')), [
    'bin/app.wasm: section code',
    'bin/app.wasm: section producers',
  ]);
  const whole = module(1, 'a');
  assert.deepEqual(
    differences(whole, whole.subarray(0, 14)),
    ['code', 'producers', '.sbom.cdx'].map((section) => `bin/app.wasm: section ${section}`),
  );
});

test('sections of one name are told apart', () => {
  const twice = (text: string): Buffer => {
    const sections = ['same', text].map((each) => ({ name: '.note', bytes: Buffer.from(each) }));
    const made = addElfSections(makeElf({ machine: 62 }), sections);
    assert.ok(made);
    return made;
  };
  assert.deepEqual(lines(new Map([['p', twice('a')]]), new Map([['p', twice('b')]])), [
    'p: section .note (2)',
  ]);
});
