// The bill of materials is read back from what people are given: executable, Debian package, image, and from nothing else.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSubject } from '../../src/commands/subject.ts';
import { embedSbom } from '../../src/sbom/embed.ts';
import { provision, temporaryFolder } from '../support/cli.ts';
import { compress, file, type TarPart, tar, writeDeb } from '../support/deb.ts';
import { makeElf } from '../support/elf.ts';

const DOCUMENTS = { cyclonedx: '{"bomFormat":"CycloneDX"}\n', spdx: '{"spdxVersion":"SPDX-2.3"}\n' };

function bundleIn(home: string): readonly TarPart[] {
  const program = embedSbom(makeElf({ machine: 62 }), [], DOCUMENTS);
  assert.ok(program !== undefined);
  return [
    file(`${home}/bundle.json`, JSON.stringify({ program: { file: 'bin/app' } })),
    file(`${home}/bin/app`, program),
    file(`${home}/lib/python3.13/bundle.json`, 'another one'),
  ];
}

function image(layers: readonly string[], manifest = JSON.stringify([{ Layers: layers }])): Buffer {
  const layer = (parts: readonly TarPart[]): Buffer => compress(tar(parts), 'gz');
  return tar([
    file('blobs/sha256/aa', layer([file('etc/passwd', '')])),
    file('blobs/sha256/bb', layer(bundleIn('opt/app'))),
    file('manifest.json', manifest),
  ]);
}

test('sbom reads a Debian package and an image as it reads a bundle', async (t) => {
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, 'app.tar.gz'), compress(tar(bundleIn('app-1.0')), 'gz'));
  writeDeb(join(cwd, 'app.deb'), bundleIn('./usr/lib/app'), 'gz');
  writeFileSync(join(cwd, 'app.oci.tar'), image(['blobs/sha256/aa', 'blobs/sha256/bb']));
  for (const name of ['app.tar.gz', 'app.deb', 'app.oci.tar']) {
    const read = await provision(['sbom', name, '--format', 'spdx'], { cwd });
    assert.deepEqual([read.status, read.stdout], [0, DOCUMENTS.spdx], `${name}: ${read.stderr}`);
  }
});

test('what is no bundle inside is refused', async (t) => {
  const cwd = temporaryFolder(t);
  const whole = image(['blobs/sha256/aa', 'blobs/sha256/bb']);
  writeDeb(join(cwd, 'other.deb'), [file('./usr/bin/other', 'x')], 'gz');
  const cases: Readonly<Record<string, Buffer>> = {
    'cut.deb': Buffer.from('!<arch>\ndebian-binary'.padEnd(300)),
    'no-manifest.tar': tar([file('blobs/sha256/aa', 'x')]),
    'no-layers.tar': image([], '[{}]'),
    'not-json.tar': image([], '{'),
    'elsewhere.tar': image(['../../etc/passwd']),
    'first-layer.tar': image(['blobs/sha256/aa']),
    'cut.tar': whole.subarray(0, 1500),
  };
  for (const [name, bytes] of Object.entries(cases)) writeFileSync(join(cwd, name), bytes);
  for (const name of ['other.deb', ...Object.keys(cases)]) {
    const read = await readSubject(join(cwd, name), name, new AbortController().signal);
    assert.ok(!read.ok && read.error.code === 'usage/not-a-bundle', `${name}: ${JSON.stringify(read)}`);
  }
});
