// What programs are compared with: a reference of the target's pointer width, and what tells the byte order from a mistake.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { runnerRecipe } from '../support/runner-recipe.ts';

const SAMPLES = join(REPOSITORY, 'test', 'fixtures', 'reference');

/** There without a compilation; what is compared with is the same. */
const PACKAGED = 'python: {from: packages}\n';

interface Report {
  readonly reference: { readonly architecture: string; readonly pointerWidth: number };
  readonly samples: readonly {
    readonly name: string;
    readonly status: string;
    readonly reason?: string;
    readonly cures?: readonly string[];
    readonly target: { readonly stdout: string };
    readonly reference: { readonly stdout: string };
  }[];
}

async function run(t: Parameters<typeof temporaryFolder>[0], recipe: string, ...samples: readonly string[]) {
  const folder = temporaryFolder(t);
  const artifacts = join(folder, 'artifacts');
  const args = samples.flatMap((name) => ['--samples', join(SAMPLES, name)]);
  const file = join(folder, 'own.yaml');
  writeFileSync(file, runnerRecipe(recipe, { more: recipe.startsWith('wasm') ? '' : PACKAGED }));
  const ran = await provision(['run', file, '--artifacts', artifacts, ...args], {
    ...{ cwd: folder, store: SHARED_STORE, timeoutMs: 30 * 60_000 },
  });
  const report = JSON.parse(readFileSync(join(artifacts, 'report.json'), 'utf8')) as Report;
  return { ran, report };
}

for (const recipe of ['armv7', 'wasm32-wasip1', 'x86_64']) {
  test(`hashes, limits, layouts and sizes of objects on ${recipe} are those of a CPython of its pointer width`, async (t) => {
    const { ran, report } = await run(t, recipe, 'pointer_width.py');
    assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    const bits = recipe === 'x86_64' ? 64 : 32;
    assert.equal(report.reference.pointerWidth, bits);
    const [sample] = report.samples;
    assert.equal(sample?.status, 'passed');
    const { stdout } = (sample as Report['samples'][number]).target;
    // Not only equal, but what they must be.
    const [hash, limit, pointer, list] =
      bits === 32
        ? ['1073741825 1073741824 ', 2 ** 31 - 1, '4 4 4', 28]
        : ['1152921504606846977 1 ', '9223372036854775807', '8 8 8', 56];
    assert.match(stdout, new RegExp(`^hash ${hash}`, 'm'));
    assert.match(stdout, new RegExp(`^maxsize ${limit}$`, 'm'));
    assert.match(stdout, new RegExp(`^pointer ${pointer}$`, 'm'));
    assert.match(stdout, new RegExp(`^sizes ${list} `, 'm'));
    // An x87 unit rounds twice, a time of 32 bits ends in 2038, and i386 aligns doubles to four bytes.
    assert.match(stdout, /^double 1\.0000000000000002e\+16 /m);
    assert.match(stdout, /^time \(2242, 3, 16\) /m);
    assert.match(stdout, /^alignment 16 16 /m);
  });
}

test('a difference that is the byte order’s alone is named so on a big-endian target; another one is not', async (t) => {
  const { ran, report } = await run(t, 's390x', 'native_order.py', 'machine.py');
  assert.equal(ran.status, 7, ran.stdout + ran.stderr);
  const [machine, order] = ['machine', 'native_order'].map((name) =>
    report.samples.find((one) => one.name === name),
  );
  assert.deepEqual([machine?.status, order?.status], ['failed', 'failed']);
  assert.match(order?.target.stdout ?? '', /^big 00000001 00010002 /);
  assert.match(order?.reference.stdout ?? '', /^little 01000000 01000200 /);
  assert.match(order?.reason ?? '', /It is the byte order alone: .* for s390x, big-endian as well/);
  assert.ok(order?.cures?.some((cure) => cure.includes('# differs-on: s390x: byte order')));
  assert.doesNotMatch(machine?.reason ?? '', /byte order alone/);
  assert.match(machine?.reason ?? '', /It is the machine, by its byte order or otherwise/);
  assert.match(ran.stdout, /failed native_order: .*byte order alone/);
});

test('a command is compared with that reference, and a server is asked by this machine’s interpreter', async (t) => {
  const folder = temporaryFolder(t);
  const serve =
    "import http.server as s; s.HTTPServer(('127.0.0.1', 8123), s.SimpleHTTPRequestHandler).serve_forever()";
  const width = 'import sys; print(sys.maxsize, hash(1.5))';
  const commands = [
    { name: 'width', args: ['-c', width], reference: ['-c', width] },
    { name: 'serves', args: ['-c', serve], server: { port: 8123, ask: [{ http: '/none', status: 404 }] } },
  ];
  const file = join(folder, 'own.yaml');
  const samples = join(SAMPLES, 'pointer_width.py');
  writeFileSync(
    file,
    runnerRecipe('armv7', { samples, more: `${PACKAGED}tests: ${JSON.stringify({ commands })}\n` }),
  );
  const ran = await provision(['run', file, '--artifacts', join(folder, 'out')], {
    ...{ cwd: folder, store: SHARED_STORE, timeoutMs: 30 * 60_000 },
  });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  assert.match(ran.stdout, /2 tests pass/);
});
