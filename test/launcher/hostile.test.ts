// The launcher in environments that no one tests in: it installs what is missing and starts the program all the same.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkout, pathFolder, type Run, run, scratch } from './checkout.ts';

/** An npm that behaves like `npm ci`, without network. */
const NPM = `[ "$1" = --version ] && echo 1 && exit
mkdir -p node_modules/diff && echo {} >node_modules/diff/package.json`;

interface Environment {
  /** For a shell; `$P` is the launcher. */
  readonly script: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const ENVIRONMENTS: Readonly<Record<string, Environment>> = {
  'no TMPDIR, no HOME, locale C, umask 077, 64 files, closed input': {
    script: 'umask 077; ulimit -n 64; "$P" a <&-',
    env: { TMPDIR: '/proc/none', HOME: undefined, LC_ALL: 'C' },
  },
  'a Turkish locale': { script: '"$P" a', env: { LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8' } },
  'variables that shells heed': {
    script: '"$P" a',
    env: { CDPATH: '/:/tmp', IFS: 'a/', ENV: '/proc/none', BASH_ENV: '/proc/none', PS4: '$(exit 9)' },
  },
  'exported functions of the names of its own': {
    script: 'say() { exit 9; }; ls() { exit 9; }; export -f say ls; "$P" a',
  },
  'the working folder deleted': { script: 'mkdir gone && cd gone && rmdir ../gone; "$P" a' },
  'standard error closed': { script: '"$P" a 2>&-' },
  'standard error on a full disk': { script: '"$P" a 2>/dev/full' },
  'descriptor 9 in use': { script: 'exec 9</dev/null; "$P" a' },
};

for (const [name, { script, env = {} }] of Object.entries(ENVIRONMENTS)) {
  test(`${name}: the launcher installs, starts the program, and starts it again`, async (t) => {
    const folder = scratch(t);
    const home = checkout(folder);
    const path = pathFolder(folder, { node: 'fits', npm: NPM });
    const cache = join(folder, 'cache');
    const start = (): Promise<Run> =>
      run(['/bin/bash', '-c', script], {
        ...{ path: `${path}:/usr/bin:/bin`, cache, cwd: folder },
        env: { P: join(home, 'provision'), ...env },
      });
    for (const turn of ['first', 'second']) {
      const { status, stdout, stderr } = await start();
      assert.equal(status, 0, `${turn}: ${stderr}`);
      assert.deepEqual((JSON.parse(stdout) as { args: unknown }).args, ['a'], turn);
    }
    assert.ok(existsSync(join(home, 'node_modules', '.provision')));
    const [, key] = readFileSync(join(cache, 'launcher', 'node'), 'utf8').split('\n');
    assert.match(key ?? '', /^\d+\.\d+\.\d+ /);
  });
}
