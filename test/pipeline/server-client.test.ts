import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { readElf } from '../../src/bundle/elf.ts';
import { PATHS } from '../../src/engine/paths.ts';
import { serverClient } from '../../src/pipeline/server-client.ts';
import type { RuntimeInstance } from '../../src/runtime/instance.ts';
import { REPOSITORY } from '../support/cli.ts';

test('the dynamic linker of the interpreter is that beside its C library: its usual place may be an absolute link', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'provision client ü '));
  t.after(() => rmSync(folder, { recursive: true }));
  const [rootfs, home] = [join(folder, 'root'), join(folder, 'home')];
  const libraries = join(rootfs, 'usr/lib/machine-linux-gnu');
  for (const one of [libraries, join(home, 'bin')]) mkdirSync(one, { recursive: true });
  copyFileSync('/bin/true', join(home, 'bin/python3'));
  const linker = (await readElf('/bin/true'))?.interpreter as string;
  writeFileSync(join(libraries, 'libc.so.6'), '');
  const interpreter: RuntimeInstance = {
    kind: 'reference',
    rootfs,
    command: ['/usr/bin/python3'],
    env: {},
    key: {},
    mounts: [{ kind: 'tree', source: home, at: PATHS.interpreter }],
  };
  const started = async () => (await serverClient(REPOSITORY, interpreter)).command[0];
  assert.equal(await started(), `${PATHS.client}/root${linker}`);
  writeFileSync(join(libraries, basename(linker)), '');
  assert.equal(await started(), `${PATHS.client}/root/usr/lib/machine-linux-gnu/${basename(linker)}`);
});
