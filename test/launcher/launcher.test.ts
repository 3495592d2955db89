import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkout, pathFolder, type Run, run, scratch, script, start } from './checkout.ts';

/** A cache that contains a Node once the first test has installed it. */
const WARM = mkdtempSync(join(tmpdir(), 'launcher warm ü '));
after(() => rmSync(WARM, { recursive: true, force: true }));

/** An npm that behaves like `npm ci`, without network; it records each start. */
const FAKE_NPM = `[ "$1" = --version ] && echo 1 && exit
echo "$@" >>"$NPM_NOTES"
mkdir -p node_modules/diff && echo {} >node_modules/diff/package.json`;

test('on a machine with an old Node the launcher installs Node and the dependencies once', async (t) => {
  const folder = scratch(t);
  const home = checkout(folder, 'real');
  const provision = join(home, 'provision');
  const path = pathFolder(folder, { node: 'old', npm: 'real' });
  const first = await run([provision, 'a', 'b c', ''], { path, cache: WARM });
  const printed = answer(first);
  assert.deepEqual(printed.args, ['a', 'b c', '']);
  assert.ok(Number.parseInt(printed.version.slice(1), 10) >= 24);
  assert.ok(printed.exec.startsWith(WARM), printed.exec);
  assert.equal(printed.path, path, 'the program sees another PATH');
  const installed = readdirSync(join(home, 'node_modules'));
  assert.ok(installed.includes('zod') && !installed.includes('typescript'), installed.join(' '));
  assert.match(
    first.stderr,
    /^provision: installing Node [\d.]+ into .*\nprovision: installing the locked dependencies\n$/,
  );
  assert.deepEqual(leftovers(home, WARM), []);

  const second = await run([provision], { path: pathFolder(folder, { node: 'old' }), cache: WARM });
  assert.equal(second.stderr, '');
  assert.equal(answer(second).exec, printed.exec);
  const third = await run([provision], { path: pathFolder(folder, {}), cache: WARM });
  assert.equal(answer(third).exec, printed.exec);
});

test('two launchers at once on an empty cache both succeed and leave no partial files', async (t) => {
  const { folder, home, cache, notes, env } = faked(t);
  // Installs a Node that reports the required version once both are at work: the second one waits for the lock by then,
  // or, without locks, installs, too.
  const began = join(folder, 'began');
  const installs = `${FAKE_NPM}
echo >>"$BEGAN"
tries=0
until [ "$(wc -l <"$BEGAN")" -ge 2 ] || [ $tries -ge 200 ]; do sleep 0.1; tries=$((tries + 1)); done
for arch in x64 arm64; do
  mkdir -p node_modules/node-linux-$arch/bin
  cat >node_modules/node-linux-$arch/bin/node <<'NODE'
#!/bin/sh
[ "$1" = --version ] && echo v${wantedNode(home)} && exit
exec '${process.execPath}' "$@"
NODE
  chmod +x node_modules/node-linux-$arch/bin/node
done`;
  const path = pathFolder(folder, { node: 'old', npm: installs });
  const flock = realpathSync(join(path, 'flock'));
  rmSync(join(path, 'flock'));
  script(join(path, 'flock'), `[ "$1" = -n ] || echo >>"$BEGAN"\nexec '${flock}' "$@"`);
  const both = (): Promise<Run[]> =>
    Promise.all(
      ['1', '2'].map((word) =>
        run([join(home, 'provision'), word], { path, cache, env: { ...env, BEGAN: began } }),
      ),
    );
  const runs = await both();
  assert.deepEqual(
    runs.map((one) => answer(one).args),
    [['1'], ['2']],
  );
  assert.equal(runs.filter(({ stderr }) => stderr.includes('waiting for another')).length, 1);
  assert.equal(readFileSync(notes, 'utf8').trim().split('\n').length, 2, 'something was installed twice');
  assert.deepEqual(leftovers(home, cache), []);

  // Without locks both install, and one of them finishes first: on a file system that has none, and with perl(1) in place of flock(1).
  for (const [program, text] of [
    ['flock', 'exit 1'],
    ['perl', 'exit 1'],
  ] as const) {
    rmSync(cache, { recursive: true });
    rmSync(join(home, 'node_modules'), { recursive: true });
    rmSync(began);
    rmSync(join(path, 'flock'));
    script(join(path, program), text);
    for (const one of await both()) {
      answer(one);
      if (program === 'perl') assert.doesNotMatch(one.stderr, /waiting for another/);
    }
    assert.deepEqual(leftovers(home, cache), []);
  }
});

test('`npm test` started by an old npm and Node runs the tests in the required Node', async (t) => {
  const folder = scratch(t);
  const home = checkout(folder);
  const path = pathFolder(folder, { node: 'old', npm: 'real' });
  const result = await run(['npm', 'test', '--silent', '--', 'word', '--flag'], {
    path,
    cache: WARM,
    cwd: home,
  });
  const printed = answer(result);
  assert.deepEqual(printed.args, ['word', '--flag']);
  assert.ok(printed.exec.startsWith(WARM), printed.exec);
  assert.equal(printed.cwd, home);
  assert.ok(printed.path.startsWith(`${dirname(printed.exec)}:`), printed.path);
  assert.deepEqual(
    readdirSync(join(home, 'node_modules')).filter((name) => !name.startsWith('.')),
    ['diff', 'smol-toml'],
  );
});

test('a closed standard output is a failure: nothing that is shown is lost unseen', async (t) => {
  const { folder, home, cache, env } = faked(t);
  const path = pathFolder(folder, { npm: FAKE_NPM, node: 'fits' });
  const closed = await run(['/bin/sh', '-c', 'exec "$0" list >&-', join(home, 'provision')], {
    path,
    cache,
    env,
  });
  assert.deepEqual([closed.status, closed.stdout], [5, '']);
  assert.match(closed.stderr, /standard output is closed[\s\S]*>\/dev\/null/);
  const unwanted = await run(['/bin/sh', '-c', 'exec "$0" list >/dev/null', join(home, 'provision')], {
    path,
    cache,
    env,
  });
  assert.equal(unwanted.status, 0, unwanted.stderr);
});

test('a suitable Node on PATH is used, and its version is queried once', async (t) => {
  const { folder, home, cache, notes, env } = faked(t);
  const path = pathFolder(folder, { npm: FAKE_NPM });
  const asked = join(folder, 'asked');
  script(join(path, 'node'), `echo x >>'${asked.replaceAll("'", "'\\''")}'\nexec '${process.execPath}' "$@"`);
  for (const n of ['1', '2', '3']) {
    const printed = answer(await run([join(home, 'provision'), n], { path, cache, env }));
    assert.deepEqual([printed.args, printed.exec], [[n], process.execPath]);
  }
  assert.equal(readFileSync(asked, 'utf8'), 'x\n');
  assert.equal(readFileSync(notes, 'utf8').split('\n').length, 2, 'npm was started more than once');
  // The version of another file at that path is queried again.
  script(
    join(path, 'node'),
    `echo y >>'${asked.replaceAll("'", "'\\''")}'\nexec '${process.execPath}' "$@" # other`,
  );
  answer(await run([join(home, 'provision')], { path, cache, env }));
  assert.equal(readFileSync(asked, 'utf8'), 'x\ny\n');
});

test('dependencies are installed again when the lock changes; development dependencies only for the tests', async (t) => {
  const { home, path, cache, notes, env } = faked(t);
  const provision = join(home, 'provision');
  const count = (): string[] => readFileSync(notes, 'utf8').trim().split('\n');
  answer(await run([provision], { path, cache, env }));
  writeFileSync(join(home, 'node_modules', 'stale'), '');
  appendFileSync(join(home, 'package-lock.json'), '\n');
  answer(await run([provision], { path, cache, env }));
  assert.deepEqual(readdirSync(join(home, 'node_modules')), ['.provision', 'diff']);
  answer(await run([provision, '--run-tests'], { path, cache, env }));
  answer(await run([provision], { path, cache, env }));
  answer(await run([provision, '--run-tests'], { path, cache, env }));
  assert.deepEqual(
    count().map((line) => /--(omit|include)=dev/.exec(line)?.[0]),
    ['--omit=dev', '--omit=dev', '--include=dev'],
  );
  assert.ok(count().every((line) => line.startsWith('ci --ignore-scripts ')));
  const node = await run([provision, '--run-node', '-p', '1 + 1'], { path, cache, env });
  assert.deepEqual(node, { status: 0, stdout: '2\n', stderr: '' });
});

test('the launcher works through symbolic links, from other folders, by name and in other shells', async (t) => {
  const { folder, home, path, cache, env } = faked(t);
  const options = { path: `${path}:${join(folder, 'links')}`, cache, env };
  mkdirSync(join(folder, 'links'));
  symlinkSync(join(home, 'provision'), join(folder, 'links', 'one'));
  symlinkSync('one', join(folder, 'links', 'two'));
  const calls: readonly (readonly [string, readonly [string, ...string[]]])[] = [
    ['/', [join(home, 'provision')]],
    [home, ['./provision']],
    [home, ['sh', 'provision']],
    [join(home, 'src'), ['../provision']],
    [folder, ['links/two']],
    ['/', ['two']],
    ['/', ['/bin/sh', join(folder, 'links', 'two')]],
    ...(existsSync('/bin/bash') ? [['/', ['/bin/bash', join(home, 'provision')]] as const] : []),
  ];
  for (const [cwd, argv] of calls) {
    const printed = answer(await run(argv, { ...options, cwd }));
    assert.equal(printed.cwd, cwd, argv.join(' '));
  }
});

test('missing programs are listed together, with the packages that contain them', async (t) => {
  const { folder, home, cache } = faked(t);
  const path = pathFolder(folder, { without: ['xz', 'unshare', 'setpriv'] });
  const result = await run([join(home, 'provision')], { path, cache });
  assert.equal(result.status, 5);
  assert.equal(result.stdout, '');
  assert.match(
    result.stderr,
    /does not have: npm xz setpriv unshare\.\n.*apt-get install npm xz-utils util-linux\n/,
  );
});

test('a killed launcher leaves nothing that looks complete; the next run succeeds', async (t) => {
  const { folder, home, cache, env } = faked(t);
  const began = join(folder, 'began');
  const hang = `[ "$1" = --version ] && echo 1 && exit\nmkdir -p node_modules/diff && : >"$BEGAN" && exec sleep 60`;
  const slow = pathFolder(folder, { node: 'fits', npm: hang });
  const { child, ended } = start([join(home, 'provision')], {
    path: slow,
    cache,
    env: { ...env, BEGAN: began },
  });
  await until(() => existsSync(began));
  child.kill('SIGKILL');
  child.stdout.destroy();
  child.stderr.destroy();
  await ended;
  assert.ok(!existsSync(join(home, 'node_modules')));
  const path = pathFolder(folder, { node: 'fits', npm: FAKE_NPM });
  answer(await run([join(home, 'provision')], { path, cache, env }));
  assert.deepEqual(readdirSync(join(home, 'node_modules')), ['.provision', 'diff']);
  assert.deepEqual(leftovers(home, cache), []);
});

for (const [signal, status] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  test(`${signal} while npm runs ends both at once and leaves nothing`, async (t) => {
    const { folder, home, cache, env } = faked(t);
    const pid = join(folder, 'pid');
    const hang = `[ "$1" = --version ] && echo 1 && exit\necho $$ >"$PID_FILE.new" && mv "$PID_FILE.new" "$PID_FILE" && exec sleep 60`;
    const path = pathFolder(folder, { node: 'fits', npm: hang });
    const { child, ended } = start([join(home, 'provision')], {
      path,
      cache,
      env: { ...env, PID_FILE: pid },
    });
    await until(() => existsSync(pid));
    child.kill(signal);
    assert.equal((await ended).status, status);
    assert.throws(() => process.kill(Number(readFileSync(pid, 'utf8')), 0), { code: 'ESRCH' });
    assert.deepEqual(leftovers(home, cache), []);
  });
}

test('the output of npm is shown only if it fails', async (t) => {
  const { folder, home, cache } = faked(t);
  const fails = `[ "$1" = --version ] && echo 1 && exit\necho 'npm error network is down' >&2; exit 1`;
  const path = pathFolder(folder, { node: 'fits', npm: fails });
  const result = await run([join(home, 'provision'), '-q'], { path, cache });
  assert.equal(result.status, 4);
  assert.match(
    result.stderr,
    /^npm error network is down\nprovision: npm could not install .*\n.*npm ping\n$/,
  );
  assert.deepEqual(leftovers(home, cache), []);
  assert.ok(!existsSync(join(home, 'node_modules')));
});

test('--quiet prints nothing during the installation', async (t) => {
  const { home, path, cache, env } = faked(t);
  assert.equal((await run([join(home, 'provision'), 'x', '--quiet'], { path, cache, env })).stderr, '');
});

test('an installed Node that does not run is a failure', async (t) => {
  const { folder, home, cache } = faked(t);
  const broken = `for arch in x64 arm64; do
  mkdir -p node_modules/node-linux-$arch/bin
  printf '#!/bin/sh\\necho no such loader >&2; exit 127\\n' >node_modules/node-linux-$arch/bin/node
  chmod +x node_modules/node-linux-$arch/bin/node
done`;
  const result = await run([join(home, 'provision')], {
    path: pathFolder(folder, { node: 'old', npm: broken }),
    cache,
  });
  assert.equal(result.status, 5);
  assert.match(result.stderr, /does not run here: no such loader\n.*Install Node 24 or newer/);
  assert.deepEqual(leftovers(home, cache), []);
});

test('a read-only checkout works if everything is installed, else fails with what to do', async (t) => {
  const { home, path, cache, env } = faked(t);
  // Root can write anywhere unless it drops that capability.
  const ordinary =
    process.getuid?.() === 0
      ? (['setpriv', '--bounding-set=-dac_override,-dac_read_search'] as const)
      : (['env'] as const);
  const closed = async (): Promise<Run> => {
    chmodSync(home, 0o555);
    const result = await run([...ordinary, join(home, 'provision')], { path, cache, env });
    chmodSync(home, 0o755);
    return result;
  };
  const refused = await closed();
  assert.equal(refused.status, 5);
  assert.match(refused.stderr, /cannot write to .*check out.*\n.*copy of your own/);
  answer(await run([join(home, 'provision')], { path, cache, env }));
  answer(await closed());
});

test('a read-only cache works if nothing has to be installed', async (t) => {
  const { folder, home, path, env } = faked(t);
  writeFileSync(join(folder, 'file'), '');
  answer(await run([join(home, 'provision')], { path, cache: join(folder, 'file', 'cache'), env }));
  const old = pathFolder(folder, { node: 'old', npm: FAKE_NPM });
  const result = await run([join(home, 'provision')], {
    path: old,
    cache: join(folder, 'file', 'cache'),
    env,
  });
  assert.equal(result.status, 5);
  assert.match(result.stderr, /cannot write to .*file\/cache\.\n.*PROVISION_CACHE/);
});

test('the cache folder is PROVISION_CACHE, else below XDG_CACHE_HOME or the home folder, else in the checkout', async (t) => {
  const { folder, home, env } = faked(t);
  const path = pathFolder(folder, { node: 'fits', npm: FAKE_NPM, without: ['getent'] });
  const at = async (more: Readonly<Record<string, string | undefined>>, cwd = folder): Promise<void> => {
    answer(await run([join(home, 'provision')], { path, cwd, env: { ...env, ...more } }));
  };
  await at({ XDG_CACHE_HOME: join(folder, 'xdg'), HOME: join(folder, 'home') });
  assert.ok(existsSync(join(folder, 'xdg', 'provision', 'launcher', 'node')));
  await at({ XDG_CACHE_HOME: 'relative', HOME: join(folder, 'home') });
  assert.ok(existsSync(join(folder, 'home', '.cache', 'provision', 'launcher', 'node')));
  await at({ PROVISION_CACHE: 'here' });
  assert.ok(existsSync(join(folder, 'here', 'launcher', 'node')));
  // The address of a shared store is no folder.
  const shared = { PROVISION_CACHE: 'oci://127.0.0.1:9/cache' };
  await at({ ...shared, PROVISION_CACHE_FOLDER: 'beside' });
  assert.ok(existsSync(join(folder, 'beside', 'launcher', 'node')));
  await at({ ...shared, XDG_CACHE_HOME: join(folder, 'xdg2') });
  assert.ok(existsSync(join(folder, 'xdg2', 'provision', 'launcher', 'node')));
  assert.ok(!existsSync(join(folder, 'oci:')));
  // Without HOME: the home folder of the user database where it exists, else the checkout.
  mkdirSync(join(folder, 'account'));
  const getent = join(path, 'getent');
  script(getent, 'echo "me:x:1:1:Me:$ACCOUNT:/bin/sh"');
  await at({ HOME: undefined, ACCOUNT: join(folder, 'account') });
  assert.ok(existsSync(join(folder, 'account', '.cache', 'provision', 'launcher', 'node')));
  await at({ HOME: undefined, ACCOUNT: '/proc/nonexistent' });
  assert.ok(existsSync(join(home, '.provision', 'launcher', 'node')));
});

test('without HOME what is installed goes beside the store that is named, and is found there again', async (t) => {
  const { folder, home, env } = faked(t);
  const path = pathFolder(folder, { node: 'fits', npm: FAKE_NPM });
  const at = async (args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<void> => {
    const all = { ...env, HOME: undefined, XDG_CACHE_HOME: undefined, PROVISION_CACHE: undefined, ...more };
    answer(await run([join(home, 'provision'), ...args], { path, cwd: folder, env: all }));
  };
  const there = (...names: string[]): boolean => existsSync(join(folder, ...names, 'launcher', 'node'));
  // The cache whose store it is.
  await at(['list', '--store', join(folder, 'cache', 'store')]);
  assert.ok(there('cache'));
  await at(['--store=other/store/', 'list']);
  assert.ok(there('other'), 'relative to the working folder');
  await at(['list'], { PROVISION_STORE: join(folder, 'third', 'store') });
  assert.ok(there('third'));
  // A store of another name: nothing is put beside it.
  await at(['list', '--store', join(folder, 'plain')], {
    PROVISION_STORE: join(folder, 'not asked', 'store'),
  });
  assert.ok(there('plain') && !there('not asked'));
  await at(['exec', '--', 'tool', '--store', join(folder, 'of the tool')], {
    PROVISION_STORE: join(folder, 'fourth', 'store'),
  });
  assert.ok(there('fourth') && !there('of the tool'), "what follows `--` is another program's");
  assert.ok(!existsSync(join(home, '.provision', 'launcher')));
});

test('once installed, the launcher starts only `ls` and Node', async (t) => {
  const { folder, home, path, cache, env } = faked(t);
  const provision = join(home, 'provision');
  await run([provision], { path, cache, env });
  // Every program on this PATH records its start.
  const notes = join(folder, 'started');
  const noting = mkdtempSync(join(folder, 'noting '));
  for (const name of readdirSync(path)) {
    script(join(noting, name), `echo ${name} >>"$STARTED"\nexec "$REAL/${name}" "$@"`);
  }
  // The chosen Node is on the previous PATH; it is replaced by a link.
  rmSync(join(noting, 'node'));
  symlinkSync(join(path, 'node'), join(noting, 'node'));
  const noted = { path: noting, cache, env: { ...env, STARTED: notes, REAL: path } };
  answer(await run([provision], noted));
  rmSync(notes, { force: true });
  answer(await run([provision], noted));
  assert.deepEqual(readFileSync(notes, 'utf8').trim().split('\n').sort(), ['ls']);
});

interface Answer {
  readonly args: readonly string[];
  readonly version: string;
  readonly exec: string;
  readonly cwd: string;
  readonly path: string;
}

/** The output of the program; fails with its errors where it did not run. */
function answer({ status, stdout, stderr }: Run): Answer {
  assert.equal(status, 0, `exit ${status}\n${stdout}\n${stderr}`);
  return JSON.parse(stdout) as Answer;
}

function wantedNode(home: string): string | undefined {
  return /^node_version=(.*)$/m.exec(readFileSync(join(home, 'provision'), 'utf8'))?.[1];
}

/** A checkout with a suitable Node and an npm that needs no network. */
function faked(t: Parameters<typeof scratch>[0]) {
  const folder = scratch(t);
  const notes = join(folder, 'notes');
  return {
    folder,
    home: checkout(folder),
    cache: join(folder, 'cache'),
    path: pathFolder(folder, { node: 'fits', npm: FAKE_NPM }),
    notes,
    env: { NPM_NOTES: notes },
  };
}

/** Partial files in the folders where they are made. */
function leftovers(home: string, cache: string): string[] {
  return [join(home, '.provision'), join(cache, 'node'), join(cache, 'launcher')]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder))
    .filter((name) => !/^(v[\d.]+-.*|node|lock)$/.test(name));
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 20) {
    assert.ok(waited < 20_000, 'it did not happen');
    await sleep(20);
  }
}
