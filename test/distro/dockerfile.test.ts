import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { distribution } from '../../src/distro/distribution.ts';
import type { ImageDefinition } from '../../src/domain/definitions.ts';
import type { Lock } from '../../src/domain/packages.ts';
import { temporaryFolder } from '../support/cli.ts';

const DEFINITION: ImageDefinition = {
  kind: 'image',
  name: 'tools',
  description: 'Tools.',
  suite: 'trixie',
  rootfs: {
    architecture: 'near',
    packages: ['make'],
    without: ['perl', 'dash'],
    exclude: ['usr/lib/big/**', 'usr/**/x.a'],
    links: { 'bin/sh': 'bash' },
    files: { 'etc/note': "it's\n\ntwo lines\n" },
  },
  tools: {},
  rustStd: {},
};

const LOCK: Lock = {
  schema: 1,
  definition: `sha256:${'0'.repeat(64)}`,
  suite: 'trixie',
  resolved: '2026-01-31T12:00:00Z',
  sets: {
    rootfs: ['make', 'bash'].map((name) => ({
      name,
      version: `1:5.2-1+b1~${name}`,
      architecture: 'near',
      path: `pool/main/${name}.deb`,
      digest: `sha256:${'0'.repeat(64)}`,
      size: 1,
    })),
  },
};

test('a Dockerfile installs the locked versions on the base image of the suite', async () => {
  const text = await distribution.dockerfile(DEFINITION, 'docker/test/image.lock', LOCK);
  assert.match(text, /^FROM debian:trixie-slim$/m);
  assert.match(
    text,
    / {8}bash=1:5\.2-1\+b1~bash \\\n {8}make=1:5\.2-1\+b1~make; \\\n/,
    'sorted, one package a line',
  );
  assert.match(text, /for name in \\\n {8}dash \\\n {8}perl; do/, 'packages left out have placeholders');
  assert.match(text, /rm -rf \/usr\/lib\/big; \\\n {4}find \/ -xdev -path '\/usr\/\*\/x\.a' -delete$/m);
  assert.equal(text, await distribution.dockerfile(DEFINITION, 'docker/test/image.lock', LOCK));
});

test('what a definition keeps of a pattern stays in a Dockerfile, too', async () => {
  const exclude = ['usr/bin/qemu-*', '!usr/bin/qemu-far', 'usr/bin/other*'];
  const definition = { ...DEFINITION, rootfs: { ...DEFINITION.rootfs, exclude } };
  const text = await distribution.dockerfile(definition, 'docker/test/image.lock', LOCK);
  assert.match(text, /find '\/usr\/bin\/' -maxdepth 1 -name 'qemu-\*' ! -name 'qemu-far' -delete; \\\n/);
  assert.match(text, / {4}rm -rf \/usr\/bin\/other\*$/m);
});

test('the files of a definition are written by the shell of a Dockerfile as they are', async (t) => {
  const text = await distribution.dockerfile(DEFINITION, 'docker/test/image.lock', LOCK);
  const command = /^ {4}(\[ -e '\/etc\/note' \].*)$/m.exec(text)?.[1] ?? '';
  const root = mkdtempSync(join(temporaryFolder(t), 'root-'));
  execFileSync('sh', ['-euc', command.replaceAll("'/etc", `'${root}/etc`)]);
  assert.equal(readFileSync(join(root, 'etc/note'), 'utf8'), DEFINITION.rootfs.files['etc/note']);
});
