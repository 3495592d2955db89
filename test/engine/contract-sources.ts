import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { SourceEntry } from '../../src/build/sources/entries.ts';
import { digestListing, fillView } from '../../src/build/sources/view.ts';
import { type Listing, listSources } from '../../src/build/sources/walk.ts';
import { put } from '../support/crate.ts';
import { openBox, shell } from '../support/sandboxes.ts';
import { sha256 } from '../support/seen.ts';
import type { ContractBench } from './contract.ts';

/** One line for each thing below the working folder: type, permissions, path and target of a link; then the digests. */
const SURVEY = `find . -mindepth 1 -printf '%y %m %P -> %l\\0' && find . -type f -exec sha256sum -z {} +`;

/** What a sandbox sees of a project is what was counted, no more and no less. */
export function sourcesContract(bench: () => ContractBench): void {
  test('a sandbox sees of a project what its digest counts, path by path', async (t) => {
    const project = bench().make('a project');
    fill(project);
    const parts = [
      { at: 'app', source: project },
      { at: 'beside/dep', source: beside(bench().make('dep elsewhere')) },
    ];
    const list = (): Promise<Listing> => listSources(parts, new Map([[join(project, 'samples'), 'samples']]));
    const place = bench().make('a view');
    const fillIt = (listing: Listing) =>
      fillView(listing, join(place, 'project'), join(place, 'manifest.json'));
    const listing = await list();
    const counted = await fillIt(listing);
    assert.equal(counted.digest, (await digestListing(listing)).digest);
    assert.deepEqual(await survey(t, bench(), join(place, 'project')), expected(listing));

    // Everything that is hidden changes: the digest is the same, and so is what is seen.
    put(project, {
      'samples/a.py': '2',
      'target/debug/app': '2',
      'web/node_modules/x': '2',
      '.git/description': '2',
    });
    put(project, { 'artifacts/aarch64/logs/build.log': '2' });
    const again = await list();
    assert.equal((await fillIt(again)).digest, counted.digest);
    assert.deepEqual(await survey(t, bench(), join(place, 'project')), expected(listing));

    // Whatever is seen counts.
    for (const { path, kind } of listing.entries) {
      if (kind !== 'file') continue;
      const source = path.startsWith('app/') ? join(project, path.slice(4)) : undefined;
      if (source === undefined) continue;
      writeFileSync(source, `other ${path}`);
      const changed = await list();
      assert.notEqual((await digestListing(changed)).digest, counted.digest, path);
    }
    await fillIt(await list());
    assert.deepEqual(await survey(t, bench(), join(place, 'project')), expected(await list()));
  });
}

function fill(project: string): void {
  put(project, {
    'Cargo.toml': '[package]\n',
    'src/main.rs': 'fn main() {}\n',
    'src/ümlaut und "quote".rs': '',
    'src/two\nlines.rs': 'x',
    'artifacts/model.txt': 'one',
    'artifacts/aarch64/report.json': '{"tool": {"name": "provision"}}',
    'samples/a.py': '1',
    'target/CACHEDIR.TAG': 'Signature: 8a477f597d28d172789f06886806bc55\n',
    'web/node_modules/x': '1',
    'web/index.html': '<p>',
    'only/__pycache__/a.pyc': '',
    secret: 's',
  });
  chmodSync(join(project, 'secret'), 0o600);
  writeFileSync(join(project, 'tool.sh'), '#!/bin/sh\n');
  chmodSync(join(project, 'tool.sh'), 0o711);
  mkdirSync(join(project, 'empty/below'), { recursive: true });
  symlinkSync('src/main.rs', join(project, 'link.rs'));
  symlinkSync('loop', join(project, 'loop'));
  symlinkSync('/nowhere/at/all', join(project, 'outward'));
  execFileSync('mkfifo', [join(project, 'pipe')]);
  writeFileSync(Buffer.concat([Buffer.from(`${project}/bad-`), Buffer.from([0xff])]), 'x');
  execFileSync('git', ['-C', project, 'init', '--quiet', '--initial-branch', 'main']);
}

function beside(folder: string): string {
  put(folder, { 'Cargo.toml': '[package]\n', 'src/lib.rs': '' });
  return folder;
}

/** Lines as `SURVEY` prints them. */
async function survey(t: TestContext, bench: ContractBench, source: string): Promise<readonly string[]> {
  const box = await openBox(t, bench, { mounts: [{ kind: 'source', source, at: '/job/project' }] });
  const { stdout, stderr } = await shell(box, SURVEY, { cwd: '/job/project' });
  assert.equal(stderr, '');
  return stdout.split('\0').filter(Boolean).sort();
}

function expected({ entries }: Listing): readonly string[] {
  const folders = new Set<string>();
  const lines = entries.flatMap((entry) => {
    const parents = entry.path.split('/').slice(0, -1);
    for (const [index] of parents.entries()) folders.add(parents.slice(0, index + 1).join('/'));
    if (entry.kind === 'folder') folders.add(entry.path);
    return entry.kind === 'folder' ? [] : linesOf(entry);
  });
  return [...lines, ...[...folders].map((path) => `d 755 ${path} -> `)].sort();
}

function linesOf(entry: Exclude<SourceEntry, { kind: 'folder' }>): readonly string[] {
  if (entry.kind === 'link') return [`l 777 ${entry.path} -> ${entry.target}`];
  const executable = entry.kind === 'file' && entry.executable;
  const bytes = entry.kind === 'file' ? readFileSync(entry.source) : Buffer.from(entry.text);
  return [`f ${executable ? '755' : '644'} ${entry.path} -> `, `${sha256(bytes)}  ./${entry.path}`];
}
