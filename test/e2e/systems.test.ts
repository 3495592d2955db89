// The same bundle on several systems, and on this machine itself. What needs a CPython built for an older glibc runs with
// PROVISION_TEST_ALL=1 only.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { type TestContext, test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import { type CliRun, provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { runnerRecipe } from '../support/runner-recipe.ts';
import { parseXml } from '../support/xml.ts';

interface Ran extends CliRun {
  readonly report: Report;
  readonly artifacts: string;
}

/** Runs the isolate with scripts of the test. */
async function run(
  t: TestContext,
  target: string,
  { more = '', scripts = SCRIPTS, args = [] as readonly string[] } = {},
): Promise<Ran> {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'samples'));
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(folder, 'samples', name), text);
  const samples = join(folder, 'samples');
  writeFileSync(join(folder, 'systems.yaml'), runnerRecipe(target, { samples, more }));
  const artifacts = join(folder, 'out');
  const ran = await provision(['run', './systems.yaml', '--artifacts', artifacts, ...args], {
    ...{ cwd: folder, store: SHARED_STORE, timeoutMs: 90 * 60_000 },
  });
  assert.ok(existsSync(join(artifacts, 'report.json')), ran.stdout + ran.stderr);
  const report = JSON.parse(readFileSync(join(artifacts, 'report.json'), 'utf8')) as Report;
  return { ...ran, report, artifacts };
}

const SCRIPTS: Readonly<Record<string, string>> = {
  'first.py': 'import json, sys\nprint(json.dumps(sys.version_info[:2]))\n',
  'second.py': 'import ssl, sqlite3, ctypes\nprint(sorted({"b": 1, "a": 2}))\n',
};

test('a static program runs in an empty root, too, and on this machine', async (t) => {
  const { status, report, stdout, stderr, artifacts } = await run(t, 'x86_64-musl');
  assert.equal(status, 0, stdout + stderr);
  assert.deepEqual(
    report.systems?.map(({ name, totals }) => [name, totals.passed, totals.samples]),
    [['empty', 2, 2]],
  );
  assert.match(stdout, /2 samples equal the reference on x86_64-unknown-linux-musl and on empty; bundle/);
  const suite = parseXml(readFileSync(join(artifacts, 'junit.xml'), 'utf8')).children[0];
  assert.deepEqual(
    suite?.children.map(({ attributes: { classname, name } }) => `${classname} ${name}`),
    ['systems.user first', 'systems.user second', 'systems.empty.user first', 'systems.empty.user second'],
  );
  if (process.arch === 'x64')
    assert.deepEqual([report.hostStart?.started, report.hostStart?.with], [true, 'first']);
});

test('what a program needs of a system and the empty one lacks is named with sample and system', async (t) => {
  const scripts = { 'zone.py': 'import zoneinfo\nprint(zoneinfo.ZoneInfo("Europe/Berlin"))\n' };
  const { status, report, stderr, artifacts } = await run(t, 'x86_64-musl', { scripts });
  assert.equal(status, 7, stderr);
  assert.deepEqual([report.totals.passed, report.systems?.[0]?.totals.failed], [1, 1]);
  const text = stderr.replaceAll(/\s+/g, ' ');
  assert.match(text, /1 of 2 samples fails: zone on empty\./);
  assert.match(text, /Write `zoneinfo: bundled` into the recipe/);
  assert.match(text, /Where it need not run on `empty`, .*`systems: \[\]`/);
  assert.match(
    readFileSync(join(artifacts, 'logs/systems/empty/zone.target.stderr'), 'utf8'),
    /ZoneInfoNotFoundError/,
  );
  const chosen = await run(t, 'x86_64-musl', { scripts, more: 'systems: []\n' });
  assert.equal(chosen.status, 0, chosen.stderr);
  assert.equal(chosen.report.systems, undefined);
  const brings = await run(t, 'x86_64-musl', { scripts, more: 'zoneinfo: bundled\n' });
  assert.equal(brings.status, 0, brings.stderr);
  assert.equal(brings.report.systems?.[0]?.totals.passed, 1);
});

test('a packaged Python runs on its own release, and is refused on an older one before anything is fetched', async (t) => {
  const packaged = 'sysroot: packaged\n';
  const own = await run(t, 'x86_64', { more: `${packaged}systems: [debian-13]\nhost: false\n` });
  assert.equal(own.status, 0, own.stderr);
  assert.equal(own.report.system?.name, 'debian-13');
  assert.deepEqual([own.report.systems, own.report.hostStart], [undefined, undefined]);
  const folder = temporaryFolder(t);
  const more = `${packaged}systems: [debian-13, debian-12]\n`;
  writeFileSync(join(folder, 'old.yaml'), runnerRecipe('x86_64', { samples: folder, more }));
  const old = await provision(['run', './old.yaml'], { cwd: folder, store: SHARED_STORE });
  assert.equal(old.status, 2, old.stdout + old.stderr);
  const text = old.stderr.replaceAll(/\s+/g, ' ');
  assert.match(text, /\[recipe\/glibc-too-old\].* needs glibc 2\.38, and the system `debian-12` has 2\.36\./);
  assert.match(text, /old\.yaml:\d+:22 /);
  assert.match(text, /Write `sysroot: portable-gnu`.*leave `debian-12` out of `systems`/);
});

test('outside of a sandbox a program reaches this machine, once; with `--no-host` and `--samples` it is not started there', {
  skip: process.arch === 'x64' ? false : 'programs of x86-64 are emulated here',
}, async (t) => {
  const canary = join(temporaryFolder(t), 'reached');
  const scripts = {
    'first.py': `try:\n    open(${JSON.stringify(canary)}, "a").write("x")\nexcept OSError:\n    pass\nprint(1)\n`,
  };
  const without = await run(t, 'x86_64-musl', { scripts, args: ['--no-host'] });
  assert.deepEqual([without.status, without.report.hostStart, existsSync(canary)], [0, undefined, false]);
  const script = join(temporaryFolder(t), 'first.py');
  writeFileSync(script, scripts['first.py']);
  const alone = await run(t, 'x86_64-musl', { args: ['--samples', script] });
  assert.deepEqual([alone.status, alone.report.hostStart, existsSync(canary)], [0, undefined, false]);
  const usual = await run(t, 'x86_64-musl', { scripts });
  assert.deepEqual([usual.status, usual.report.hostStart?.started], [0, true]);
  assert.equal(readFileSync(canary, 'utf8'), 'x');
});

test('a bundle that does not start on this machine is a notice with the reason and the cure, and the run passes', {
  skip: olderHost() ? false : 'the glibc of this machine is new enough for a packaged Python',
}, async (t) => {
  const { status, report, stdout } = await run(t, 'x86_64', { more: 'sysroot: packaged\n' });
  assert.equal(status, 0);
  assert.equal(report.hostStart?.started, false);
  assert.match(report.hostStart?.reason ?? '', /^it needs glibc 2\.38, and this machine has 2\.\d+$/);
  assert.match(
    report.hostStart?.lines?.join('\n') ?? '',
    /^bin\/isolate: .*version `GLIBC_2\.38' not found/m,
  );
  const notice = report.notices.find(({ code }) => code === 'samples/not-on-host');
  assert.match(notice?.message ?? '', /does not start on this machine .*Write `sysroot: portable-gnu`/);
  assert.match(stdout, /warning: isolate does not start on this machine/);
});

function olderHost(): boolean {
  const { header } = process.report.getReport() as { readonly header: { glibcVersionRuntime?: string } };
  const minor = Number(header.glibcVersionRuntime?.split('.')[1] ?? 99);
  return process.arch === 'x64' && minor < 38;
}

const all = env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 builds CPython for them';
for (const target of ['aarch64', 'x86_64']) {
  const skip = target === 'aarch64' ? false : all;
  test(`one bundle for ${target} runs on Debian 11, 12 and 13`, { skip }, async (t) => {
    const { status, report, stdout, stderr } = await run(t, target);
    assert.equal(status, 0, stdout + stderr);
    assert.equal(report.system?.name, 'debian-11');
    assert.deepEqual(
      report.systems?.map(({ name, totals }) => [name, totals.passed]),
      [
        ['debian-12', 2],
        ['debian-13', 2],
      ],
    );
    assert.match(stdout, /2 samples equal the reference on \S+ \(debian-11, debian-12, debian-13\)/);
  });
}
