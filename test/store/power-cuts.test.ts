// Power cuts while entries are made, on three file systems. PROVISION_TEST_TRIALS sets how many for each,
// PROVISION_TEST_SEED where and what is lost.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { Dice } from '../support/odd-archives.ts';
import { type DiskLog, type FileSystem, logged, mounts, run, whyNoPowerCuts } from '../support/power-disk.ts';
import type { Left } from '../support/power-program.ts';

const TRIALS = Number(process.env.PROVISION_TEST_TRIALS ?? 2);
const SEED = Number(process.env.PROVISION_TEST_SEED ?? 1);
const PROGRAM = join(REPOSITORY, 'test', 'support', 'power-program.ts');
/** Entries, by processes one after the other: each flushes what it has made before it ends. */
const [PROCESSES, EACH] = [4, 3];

const skip = whyNoPowerCuts() ?? false;

for (const type of ['ext4', 'xfs', 'btrfs'] as const) {
  test(`after each of ${TRIALS} power cuts on ${type} no entry looks whole and is not`, {
    skip,
  }, async (t) => {
    const place = temporaryFolder(t);
    const log = await logged(place, type, (mounted) => {
      for (let index = 0; index < PROCESSES; index += 1) {
        program('', 'make', join(mounted, 'store'), index * EACH, EACH);
      }
    });
    t.after(() => log.close());
    const all = cuts(log, new Dice(SEED)).flatMap((before, index) => {
      const left = cutAt(place, type, log, before, new Dice(SEED + index));
      const found = left === undefined ? 'the file system does not mount' : JSON.stringify(left);
      t.diagnostic(`${type} before ${before} of ${log.operations.length}: ${found}`);
      return left ?? [];
    });
    if (TRIALS >= 20) assert.ok(all.length > TRIALS * 0.9, 'file systems do not mount after a cut');
    assert.deepEqual(
      all.flatMap(({ wrong }) => wrong),
      [],
      'looks whole and is not',
    );
    assert.deepEqual(
      all.flatMap(({ unmended }) => unmended),
      [],
      'cannot be made again',
    );
    const sum = (of: (left: Left) => number) => all.reduce((total, left) => total + of(left), 0);
    t.diagnostic(
      `${type}: ${sum((left) => left.whole)} whole, ${sum((left) => left.hurt)} hurt and known to be`,
    );
    // Cuts that take nothing, or after which nothing is left, would show nothing; a few may happen to be so.
    const whole = sum((left) => left.whole);
    if (TRIALS >= 20) assert.ok(whole > 0 && whole < all.length * PROCESSES * EACH);
    // Btrfs writes nothing in place: what was not complete is mostly not there at all.
    if (TRIALS >= 20 && type !== 'btrfs') assert.ok(sum((left) => left.hurt) > 0);
  });
}

/** Places in the log, ascending. */
function cuts(log: DiskLog, dice: Dice): readonly number[] {
  return Array.from({ length: TRIALS }, () => 1 + dice.below(log.operations.length)).sort((a, b) => a - b);
}

function cutAt(place: string, type: FileSystem, log: DiskLog, before: number, dice: Dice): Left | undefined {
  const [image, mounted, boot] = [join(place, 'cut'), join(place, 'after'), join(place, 'boot')];
  log.cut(before, image, dice);
  mkdirSync(mounted, { recursive: true });
  writeFileSync(boot, '00000000-0000-4000-8000-000000000000\n');
  if (!mounts(type, image, mounted)) {
    rmSync(image);
    return undefined;
  }
  try {
    // The next boot of the machine.
    const script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
    return JSON.parse(
      program(
        `unshare --mount sh -c '${script}' '${boot}'`,
        'check',
        join(mounted, 'store'),
        PROCESSES * EACH,
      ),
    );
  } finally {
    run('umount', [mounted]);
    rmSync(image);
  }
}

function program(wrapper: string, ...args: readonly (string | number)[]): string {
  const command = `${wrapper} "$0" --disable-warning=ExperimentalWarning "$@"`;
  return execFileSync('sh', ['-c', command, process.execPath, PROGRAM, ...args.map(String)], {
    encoding: 'utf8',
  });
}
