import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

/** `nobody`: an id that every machine has and that owns nothing. */
const NOBODY = '65534';

const REPOSITORY = dirname(dirname(import.meta.dirname));

/**
 * Binds the repository and Node to places that anybody can reach, in a mount namespace of its own: a checkout below
 * /root, or a Node in somebody's cache folder, cannot be read by `nobody`.
 */
const AS_NOBODY = `
work=$1 repository=$2 node=$3
shift 3
mkdir "$work/repository" "$work/tmp"
: >"$work/node"
mount --bind "$repository" "$work/repository"
mount --bind "$node" "$work/node"
chown ${NOBODY}:${NOBODY} "$work/tmp"
chmod 755 "$work"
cd "$work/repository"
export TMPDIR="$work/tmp" PATH="/usr/bin:/bin:/usr/sbin:/sbin"
exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups -- "$work/node" --test --test-concurrency=1 "$@"
`;

const skip = process.getuid?.() === 0 ? false : 'the tests run as an ordinary user already';

test('the tests of the engine pass for an ordinary user as well', { skip, timeout: 900_000 }, () => {
  const files = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith('.test.ts') && !name.startsWith('namespace-ordinary'))
    .map((name) => join('test/engine', name));
  const work = mkdtempSync(join(tmpdir(), 'provision-nobody-'));
  try {
    const run = spawnSync(
      'unshare',
      ['--mount', '--', 'sh', '-euc', AS_NOBODY, 'sh', work, REPOSITORY, process.execPath, ...files],
      { encoding: 'utf8', env: { ...process.env, NODE_TEST_CONTEXT: undefined } },
    );
    assert.equal(run.status, 0, `${run.stdout}\n${run.stderr}`);
    assert.match(run.stdout, /pass [1-9]/);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});
