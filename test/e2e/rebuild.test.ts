// `verify --rebuild`: a bundle is built again where everything is other than it was, and every byte is the same; what differs is told.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, suite, type TestContext, test } from 'node:test';
import type { Failure } from '../../src/failure.ts';
import type { Rebuilt } from '../../src/pipeline/rebuild.ts';
import type { Statement } from '../../src/provenance/statement.ts';
import { readElfSection } from '../../src/sbom/elf-sections.ts';
import {
  type CliRun,
  finish,
  plainEnvironment,
  provision,
  REPOSITORY,
  SHARED_STORE,
  temporaryFolder,
} from '../support/cli.ts';
import { engineMissing, startEngine } from '../support/dockerd.ts';
import { files, startMirror } from '../support/mirror.ts';
import { asOrdinaryUser } from '../support/ordinary-user.ts';
import { clockLibrary, otherClock, runtimeWithClock } from '../support/other-clock.ts';

const CRATE = join(REPOSITORY, 'test', 'crates', 'tiny');
const NAME = 'tiny-x86_64-unknown-linux-gnu';
/** A clock that far off is at another date and another hour; certificates are still valid. */
const HOURS = 29;

const library = clockLibrary();
const docker = engineMissing('dockerd');
const NO_CLOCK = library === undefined && 'not installed: faketime';
/** CPython is compiled twice more. */
const ALL = process.env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 compiles CPython again';

let folder = '';
let bundle = '';

before(async () => {
  folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision rebuild ü ');
  bundle = await bundleOf(CRATE, folder);
});

/** The bundle that a run of a crate leaves, with its statement beside it; `cwd`: folder for its artifacts. */
async function bundleOf(crate: string, cwd: string): Promise<string> {
  const artifacts = join(cwd, 'artifacts');
  const run = await provision(['run', '--project', crate, '--no-host', '--artifacts', artifacts], {
    cwd,
    store: SHARED_STORE,
    timeoutMs: 30 * 60_000,
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  return join(artifacts, `${NAME}.tar.gz`);
}

function statementOf(file: string): Statement {
  return JSON.parse(readFileSync(`${file}.intoto.json`, 'utf8')) as Statement;
}

/** The failure without its line breaks. */
function said({ stderr }: CliRun): string {
  return stderr.replaceAll(/\s+/g, ' ');
}

/** What the build said that it sees; cargo shows it as a warning. */
function seen({ stdout, stderr }: CliRun): { readonly clock: number; readonly cores: number } {
  const [, clock, cores] = /clock (\d+) cores (\d+)/.exec(stdout + stderr) ?? [];
  assert.ok(clock !== undefined, stdout + stderr);
  return { clock: Number(clock), cores: Number(cores) };
}

suite('built again', { concurrency: true }, () => {
  test('by another user, in another folder, on one core, by another clock, time zone and umask: every byte is the same', {
    skip: NO_CLOCK,
  }, async (t) => {
    await rebuildElsewhere(t, { crate: CRATE, bundle });
  });

  test('by Docker, whose containers have another clock: what somebody changed is told by file and section, and nothing else differs', {
    skip: NO_CLOCK || (docker ?? false),
  }, async (t) => {
    const own = temporaryFolder(t);
    const engine = await startEngine('dockerd', {
      runtime: runtimeWithClock(join(own, 'runc'), library ?? '', `+${HOURS}h`),
    });
    t.after(() => engine.remove());
    const given = changedBundle(own);
    const argv = ['verify', '--rebuild', given, '--project', CRATE, '--verbose', '--json'];
    const run = await provision([...argv, '--engine', `docker:unix://${engine.socket}`], {
      cwd: own,
      store: SHARED_STORE,
      timeoutMs: 15 * 60_000,
    });
    assert.equal(run.status, 4, run.stdout + run.stderr);
    const off = seen(run).clock - Date.now() / 1000;
    assert.ok(Math.abs(off / 3600 - HOURS) < 1, `the clock is off by ${off} s`);
    assert.match(
      said(run),
      /error\[archive\/not-reproduced\]: Built again, .*\.tar\.gz is another file\. why: 4 parts differ\./,
    );
    const { rebuild, failure } = JSON.parse(run.stdout) as Verified;
    assert.equal(failure?.code, 'archive/not-reproduced');
    assert.equal(rebuild.equal, false);
    assert.equal(rebuild.engine.name, 'docker');
    assert.deepEqual(
      rebuild.differences.map(({ file, section }) => [file.slice(NAME.length + 1), section]),
      [
        ['bin/tiny', '.rodata'],
        ['lib/python3.13/of-mine.py', undefined],
        ['lib/python3.13/this.py', undefined],
        ['share/doc/tiny/LICENSES.md', undefined],
      ],
    );
    const lines = run.stderr.split('\n').flatMap((line) => new RegExp(`${NAME}/(.*)$`).exec(line)?.[1] ?? []);
    assert.deepEqual(lines, [
      'bin/tiny: section .rodata',
      'lib/python3.13/of-mine.py: only in the given one',
      'lib/python3.13/this.py: only in the rebuilt one',
      `share/doc/tiny/LICENSES.md: from byte ${licences().length} on (${licences().length + 2} and ${licences().length} bytes)`,
    ]);
  });
});

test('CPython itself, with its profile and libraries: compiled again on one core by another user, and by Docker, it is the same', {
  skip: ALL || NO_CLOCK || (docker ?? false),
}, async (t) => {
  const own = temporaryFolder(t, 'provision rebuild ü ');
  const crate = join(own, 'tiny');
  cpSync(CRATE, crate, { recursive: true });
  writeFileSync(
    join(crate, 'provision.yaml'),
    'schema: 1\nextends: x86_64\npython: {linkage: static}\nsamples: {path: samples}\n',
  );
  const given = await bundleOf(crate, own);
  await rebuildElsewhere(t, { crate, bundle: given });
  const engine = await startEngine('dockerd', {
    runtime: runtimeWithClock(join(own, 'runc'), library ?? '', `+${HOURS}h`),
  });
  t.after(() => engine.remove());
  // What is compiled in the store that everything else uses would be found there.
  const store = join(own, 'störe');
  copyBlobs(statementOf(given), store);
  const argv = ['verify', '--rebuild', given, '--project', crate, '--store', store];
  const again = await provision([...argv, '--engine', `docker:unix://${engine.socket}`], {
    cwd: own,
    store,
    timeoutMs: 60 * 60_000,
  });
  assert.equal(again.status, 0, again.stdout + again.stderr);
  assert.match(again.stdout, /: built again, and every byte is the same\.\n$/);
});

test('the locks are those of the statement: others here do not matter, and a statement without them needs the same', async (t) => {
  const own = temporaryFolder(t);
  const given = join(own, `${NAME}.tar.gz`);
  copyFileSync(bundle, given);
  const statement = statementOf(bundle);
  const locks = statement.predicate.buildDefinition.resolvedDependencies.filter(({ name }) =>
    name?.startsWith('lock '),
  );
  assert.ok(locks.length >= 3);
  for (const { digest, content = '' } of locks)
    assert.equal(createHash('sha256').update(Buffer.from(content, 'base64')).digest('hex'), digest?.sha256);
  const verify = async (change: (text: string) => string): Promise<CliRun> => {
    writeFileSync(`${given}.intoto.json`, change(JSON.stringify(statement)));
    return provision(['verify', '--rebuild', given, '--project', CRATE], {
      cwd: own,
      store: join(own, 'store'),
    });
  };
  // Somebody else's digest for a lock, whose text is left out.
  const lock = locks[0];
  const none = await verify((text) =>
    text.replace(
      JSON.stringify(lock),
      JSON.stringify({ name: lock?.name, digest: { sha256: '0'.repeat(64) } }),
    ),
  );
  assert.equal(none.status, 4, none.stderr);
  assert.match(
    said(none),
    /error\[archive\/other-locks\]: .* was built from other locks than are here: docker\/llvm\//,
  );
  // A lock of another definition, by another version.
  const text = Buffer.from(lock?.content ?? '', 'base64').toString('utf8');
  const other = Buffer.from(
    text.replace(/"definition": "sha256:[0-9a-f]{64}"/, `"definition": "sha256:${'1'.repeat(64)}"`),
  );
  const swapped = {
    name: lock?.name,
    digest: { sha256: createHash('sha256').update(other).digest('hex') },
    content: other.toString('base64'),
  };
  const stale = await verify((all) =>
    all
      .replace(JSON.stringify(lock), JSON.stringify(swapped))
      .replace(/"provision":"[^"]+"/, '"provision":"99.0.0"'),
  );
  assert.equal(stale.status, 4, stale.stderr);
  assert.match(said(stale), /error\[archive\/other-locks\]: .* was built by other definitions than are here/);
  assert.match(said(stale), /It was built by provision 99\.0\.0; this is \d/);
});

/** What is read of `--json`. */
interface Verified {
  readonly rebuild: Rebuilt;
  readonly failure?: Failure;
}

interface Given {
  /** Folder of the project. */
  readonly crate: string;
  /** Its bundle, with the statement beside it. */
  readonly bundle: string;
}

/** Everything but package files is made anew by a user who shares nothing with us, and every byte has to be the same. */
async function rebuildElsewhere(t: TestContext, { crate, bundle }: Given): Promise<void> {
  const user = asOrdinaryUser(t);
  assert.ok(user !== undefined, 'nobody can read this checkout');
  const place = join(user.folder, 'élsewhere', 'tiny');
  cpSync(crate, place, { recursive: true });
  const store = join(user.folder, 'störe');
  copyBlobs(statementOf(bundle), store);
  const given = join(user.folder, `${NAME}.tar.gz`);
  for (const suffix of ['', '.intoto.json']) copyFileSync(`${bundle}${suffix}`, `${given}${suffix}`);
  spawnSync('chown', ['-R', String(user.uid), user.folder]);
  const shared = await startMirror(t, files({}));
  const program = join(REPOSITORY, 'src', 'bin.ts');
  const argv = [program, 'verify', '--rebuild', given, '--project', place, '--store', store, '--verbose'];
  const script = 'umask 027; exec taskset -c 0 "$0" "$@"';
  const child = spawn('sh', ['-c', script, user.node, ...argv], {
    cwd: user.folder,
    ...(process.getuid?.() === 0 ? { uid: user.uid, gid: user.uid } : {}),
    env: {
      ...plainEnvironment(),
      ...otherClock(library ?? '', `+${HOURS}h`),
      HOME: user.folder,
      TZ: 'Pacific/Chatham',
      LC_ALL: 'C',
      PROVISION_ENGINE: 'namespace',
      PROVISION_CACHE: `oci://${new URL(shared.url).host}/team/cache`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const run = await finish(child, 60 * 60_000);
  assert.equal(run.status, 0, run.stdout + run.stderr);
  assert.match(
    run.stdout,
    /agree; not signed; built from the recipe x86_64 for x86_64-unknown-linux-gnu\.\n/,
  );
  assert.match(run.stdout, /: built again, and every byte is the same\.\n$/);
  assert.equal(seen(run).cores, 1);
  assert.deepEqual(shared.requests, [], 'what others have built proves nothing');
  assert.deepEqual(readdirSync(join(store, 'builds')), [], 'nothing of it is kept');
}

function licences(): Buffer {
  const file = `${NAME}/share/doc/tiny/LICENSES.md`;
  const read = spawnSync('tar', ['-xzOf', bundle, file]);
  assert.equal(read.status, 0);
  return read.stdout;
}

/** The bundle with four changes, packed again, and a statement that agrees with it. */
function changedBundle(into: string): string {
  assert.equal(spawnSync('tar', ['-xzf', bundle, '-C', into]).status, 0);
  const home = join(into, NAME);
  const program = join(home, 'bin', 'tiny');
  const bytes = readFileSync(program);
  const text = readElfSection(bytes, '.rodata');
  assert.ok(text !== undefined);
  const at = bytes.indexOf(text) + (text.length >> 1);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(program, bytes);
  appendFileSync(join(home, 'share', 'doc', 'tiny', 'LICENSES.md'), 'x\n');
  const modules = join(home, 'lib', 'python3.13');
  assert.ok(existsSync(join(modules, 'this.py')));
  rmSync(join(modules, 'this.py'));
  writeFileSync(join(modules, 'of-mine.py'), '');
  const given = join(into, `${NAME}.tar.gz`);
  assert.equal(spawnSync('tar', ['-C', into, '-czf', given, NAME]).status, 0);
  const statement = statementOf(bundle);
  const digests = new Map(statement.subject.map(({ name, digest }) => [name, digest.sha256]));
  const sum = (content: Buffer): string => createHash('sha256').update(content).digest('hex');
  const changed = JSON.stringify(statement)
    .replace(digests.get(`${NAME}.tar.gz`) ?? '', sum(readFileSync(given)))
    .replace(digests.get('tiny') ?? '', sum(bytes));
  writeFileSync(`${given}.intoto.json`, changed);
  return given;
}

/** Package files, which are fetched by digest wherever they are from; all else is made in the fresh store. */
function copyBlobs({ predicate }: Statement, store: string): void {
  const place = join(store, 'blobs', 'sha256');
  mkdirSync(place, { recursive: true });
  for (const { digest } of predicate.buildDefinition.resolvedDependencies) {
    const blob = join(SHARED_STORE, 'blobs', 'sha256', digest?.sha256 ?? 'none');
    if (existsSync(blob)) copyFileSync(blob, join(place, digest?.sha256 ?? ''));
  }
}
