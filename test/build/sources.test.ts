import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { digestSources } from '../../src/build/sources.ts';

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

test('changes with a content, a name, a mode, a link; not with times, outputs or samples', async () => {
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

test('two crates with the same files have the same digest wherever they lie', async () => {
  assert.equal(await digest(crate()), await digest(crate()));
});

test('a missing folder is a failure that names it', async () => {
  const sources = await digestSources('/nonexistent/crate', []);
  assert.equal(!sources.ok && sources.error.code, 'build/sources-unreadable');
});
