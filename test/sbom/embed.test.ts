// What is put into a program can be read back from it, and the program stays what it was.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';
import type { LinkedCrate } from '../../src/domain/linked-crates.ts';
import { readSections } from '../../src/runtime/wasm/module.ts';
import { readElfSection } from '../../src/sbom/elf-sections.ts';
import { embedSbom, readEmbedded } from '../../src/sbom/embed.ts';
import { temporaryFolder } from '../support/cli.ts';
import { makeElf } from '../support/elf.ts';
import { sectionNames } from '../support/sections.ts';

const CRATES: readonly LinkedCrate[] = [
  { name: 'app', version: '1.0.0', kind: 'runtime', dependencies: [1, 2, 3, 4], root: true, texts: {} },
  crate('cc', 'registry+https://github.com/rust-lang/crates.io-index', 'build'),
  crate('own', 'sparse+https://registry.invalid/index/'),
  crate('pinned', 'git+https://git.invalid/x#1234'),
  crate('serde', 'sparse+https://index.crates.io/'),
];
const DOCUMENTS = { cyclonedx: '{"bomFormat":"CycloneDX"}\n', spdx: '{"spdxVersion":"SPDX-2.3"}\n' };

function crate(name: string, source: string, kind: LinkedCrate['kind'] = 'runtime'): LinkedCrate {
  return { name, version: '1.0.0', source, kind, dependencies: [], texts: {} };
}

function embedded(program: Buffer): Buffer {
  const made = embedSbom(program, CRATES, DOCUMENTS);
  assert.ok(made !== undefined);
  return made;
}

const MODULE = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0]);

for (const [bits, endianness] of [
  [64, 'little'],
  [64, 'big'],
  [32, 'little'],
  [32, 'big'],
] as const) {
  test(`an ELF file of ${bits} bits, ${endianness} end first`, () => {
    const program = makeElf({ machine: 62, bits, endianness, needed: ['libc.so.6'] });
    const made = embedded(program);
    assert.deepEqual(readEmbedded(made).documents, DOCUMENTS);
    assert.deepEqual(readEmbedded(made).damaged, []);
    // Only the header of the file says something else: nothing is moved.
    const header = bits === 64 ? 64 : 52;
    assert.ok(made.subarray(header, program.length).equals(program.subarray(header)));
    assert.deepEqual(embedded(program), made);
  });
}

test('a module of WebAssembly keeps its sections', () => {
  const made = embedded(MODULE);
  assert.deepEqual(readEmbedded(made).documents, DOCUMENTS);
  assert.deepEqual(
    (readSections(made) ?? []).map(({ id }) => id),
    [1, 0, 0, 0],
  );
});

test('crates are written as cargo-auditable does', () => {
  const section = readElfSection(embedded(makeElf({ machine: 62 })), '.dep-v0');
  assert.deepEqual(JSON.parse(inflateSync(section as Buffer).toString('utf8')), {
    packages: [
      { name: 'app', version: '1.0.0', source: 'local', dependencies: [1, 2, 3, 4], root: true },
      { name: 'cc', version: '1.0.0', source: 'crates.io', kind: 'build' },
      { name: 'own', version: '1.0.0', source: 'registry' },
      { name: 'pinned', version: '1.0.0', source: 'git' },
      { name: 'serde', version: '1.0.0', source: 'crates.io' },
    ],
  });
});

test('a program of this machine runs as before, keeps its sections, and can be stripped', (t) => {
  const original = readFileSync('/bin/true');
  const made = embedded(original);
  assert.deepEqual(sectionNames(made).slice(0, -3), sectionNames(original));
  const file = join(temporaryFolder(t), 'program');
  writeFileSync(file, made);
  chmodSync(file, 0o755);
  assert.equal(spawnSync(file).status, 0);
  const stripped = spawnSync('strip', [file], { encoding: 'utf8' });
  if (stripped.error !== undefined) return t.diagnostic('no strip here');
  assert.equal(stripped.status, 0, stripped.stderr);
  assert.equal(spawnSync(file).status, 0);
  assert.deepEqual(readEmbedded(readFileSync(file)).documents, DOCUMENTS);
});

test('what has no sections of ours has nothing, and what is damaged says so', () => {
  assert.deepEqual(readEmbedded(makeElf({ machine: 62 })), { documents: {}, damaged: [] });
  assert.deepEqual(readEmbedded(MODULE), { documents: {}, damaged: [] });
  assert.deepEqual(readEmbedded(Buffer.from('#!/bin/sh\n')), { documents: {}, damaged: [] });
  const made = embedded(makeElf({ machine: 62 }));
  for (const [name, part] of [
    ['.sbom.cdx', 'cyclonedx'],
    ['.sbom.spdx', 'spdx'],
  ] as const) {
    const section = readElfSection(made, name) as Buffer;
    const changed = Buffer.from(made);
    const at = made.indexOf(section);
    changed[at + section.length - 12] = (changed[at + section.length - 12] ?? 0) ^ 0xff;
    const read = readEmbedded(changed);
    assert.deepEqual(read.damaged, [name]);
    assert.equal(read.documents[part], undefined);
  }
  // JSON that is no bill of materials, as another tool may have put there.
  for (const other of ['null', '[]', '{"a":1}', '{"bomFormat":1}', DOCUMENTS.spdx]) {
    const changed = embedSbom(makeElf({ machine: 62 }), CRATES, { ...DOCUMENTS, cyclonedx: other });
    const { documents, damaged } = readEmbedded(changed as Buffer);
    assert.deepEqual([documents, damaged], [{ spdx: DOCUMENTS.spdx }, ['.sbom.cdx']], other);
  }
});

test('a file of headers that lead outside is not read, and nothing is put into it', () => {
  const made = embedded(makeElf({ machine: 62 }));
  made.writeBigUInt64LE(BigInt(made.length * 2), 40);
  assert.deepEqual(readEmbedded(made).documents, {});
  assert.equal(embedSbom(made, CRATES, DOCUMENTS), undefined);
  assert.equal(embedSbom(Buffer.from('#!/bin/sh\n'), CRATES, DOCUMENTS), undefined);
});
