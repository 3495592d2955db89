import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { digestSources, notSources } from '../../src/build/sources.ts';
import { pack, TREE } from '../../src/engine/docker/pack.ts';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function crate(): string {
  const folder = mkdtempSync(join(tmpdir(), 'crate ü '));
  folders.push(folder);
  mkdirSync(join(folder, 'src'));
  mkdirSync(join(folder, 'samples'));
  writeFileSync(join(folder, 'Cargo.toml'), '[package]\n');
  writeFileSync(join(folder, 'src', 'main.rs'), 'fn main() {}\n');
  writeFileSync(join(folder, 'samples', 'a.py'), 'print(1)\n');
  return folder;
}

async function digest(folder: string): Promise<string> {
  const sources = await digestSources(folder, [join(folder, 'samples')]);
  assert.ok(sources.ok);
  return sources.value.digest;
}

test('the digest of sources depends on contents, names, modes and links, not on times, outputs or samples', async () => {
  const folder = crate();
  const main = join(folder, 'src', 'main.rs');
  const before = await digest(folder);
  utimesSync(main, 1, 1);
  mkdirSync(join(folder, 'target', 'release'), { recursive: true });
  writeFileSync(join(folder, 'target', 'release', 'out'), 'x');
  writeFileSync(join(folder, 'samples', 'b.py'), 'print(2)\n');
  assert.equal(await digest(folder), before);

  const seen = new Set([before]);
  const changed = async (): Promise<void> => {
    const now = await digest(folder);
    assert.ok(!seen.has(now));
    seen.add(now);
  };
  writeFileSync(main, 'fn main() { }\n');
  await changed();
  chmodSync(main, 0o755);
  await changed();
  renameSync(main, join(folder, 'src', 'lib.rs'));
  await changed();
  symlinkSync('lib.rs', main);
  await changed();
});

test('the digest of sources does not depend on the path of the crate', async () => {
  assert.equal(await digest(crate()), await digest(crate()));
});

test('a missing project folder is a failure that names it', async () => {
  const sources = await digestSources('/nonexistent/crate', []);
  assert.equal(!sources.ok && sources.error.code, 'build/sources-unreadable');
});

test("cargo's target folder is left out wherever it is; a module named target is not", async () => {
  const folder = crate();
  const before = await digest(folder);
  const huge = [join(folder, 'target'), join(folder, 'fuzz', 'out'), join(folder, 'artifacts')];
  for (const output of huge) {
    mkdirSync(output, { recursive: true });
    writeFileSync(join(output, 'CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc55\n');
    // A sparse file: it occupies no space, but takes long to read.
    truncateSync(join(output, 'CACHEDIR.TAG'), 100);
    writeFileSync(join(output, 'huge'), '');
    truncateSync(join(output, 'huge'), 2 * 2 ** 30);
  }
  assert.equal(await digest(folder), before);
  const sources = await digestSources(folder, [join(folder, 'samples')]);
  assert.ok(sources.ok && sources.value.bytes < 1000);
  let packed = 0;
  const part = { kind: 'host', path: '', source: folder, attributes: TREE, without: notSources } as const;
  for (const chunk of pack([part])) packed += chunk.length;
  assert.ok(packed < 100_000, `${packed} bytes would be copied into a remote engine`);

  mkdirSync(join(folder, 'src', 'target'));
  writeFileSync(join(folder, 'src', 'target', 'mod.rs'), '');
  assert.notEqual(await digest(folder), before);
});

test('symbolic links that point outside the project are listed', async () => {
  const folder = crate();
  symlinkSync('main.rs', join(folder, 'src', 'inside.rs'));
  symlinkSync('../../elsewhere', join(folder, 'src', 'outside.rs'));
  symlinkSync(join(folder, 'src'), join(folder, 'absolute'));
  const sources = await digestSources(folder, []);
  assert.deepEqual(sources.ok && sources.value.outward, ['absolute', 'src/outside.rs']);
});

test('samples are left out of the digest even if the project path contains a symbolic link', async () => {
  const folder = crate();
  const link = `${folder}-link`;
  symlinkSync(folder, link);
  folders.push(link);
  const through = await digestSources(folder, [join(link, 'samples')]);
  assert.equal(through.ok && through.value.digest, await digest(folder));
});
