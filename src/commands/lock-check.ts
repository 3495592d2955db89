import { distribution } from '../distro/distribution.ts';
import { withoutLogin } from '../domain/address.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { LockedPackage } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import type { Failure } from '../failure.ts';
import { checkMirrors, type MirrorCheck } from '../fetch/check.ts';
import { regularMirrors } from '../fetch/unserved.ts';
import { readLock } from '../lock/lockfile.ts';
import type { Outcome } from './command.ts';
import type { Wanted } from './lock.ts';

/** Whether everything that the locks name can still be had, with the locked bytes, from every mirror. */
export async function checkWhole(context: Context, wanted: readonly Wanted[]): Promise<Result<Outcome>> {
  if (context.settings.offline) return err(offline());
  const packages = new Map<string, LockedPackage>();
  const times = new Set<string>();
  for (const { file, definition } of wanted) {
    const lock = await readLock(file, definition);
    if (!lock.ok) return lock;
    times.add(lock.value.resolved);
    for (const one of Object.values(lock.value.sets).flat()) packages.set(one.digest, one);
  }
  const mirrors = await regularMirrors(context, [...times].sort());
  const all = [...packages.values()];
  const checks = await checkMirrors(context, all, mirrors);
  return checks.ok ? ok(outcomeOf(wanted, all, checks.value)) : checks;
}

function outcomeOf(
  wanted: readonly Wanted[],
  packages: readonly LockedPackage[],
  checks: readonly MirrorCheck[],
): Outcome {
  const locks = `${wanted.length} ${wanted.length === 1 ? 'lock' : 'locks'}`;
  const size = formatBytes(packages.reduce((sum, one) => sum + one.size, 0));
  const failures = checks.flatMap(({ failure }) => failure ?? []);
  const lines = checks.map(({ url, failure }) =>
    failure === undefined
      ? `${withoutLogin(url)}: all ${packages.length} files of ${locks}, ${size}, with the locked digests\n`
      : `${withoutLogin(url)}: not whole, ${failure.code}\n`,
  );
  return {
    text: lines.join(''),
    json: {
      schema: 1,
      locks: wanted.map(({ file }) => file.id),
      files: packages.length,
      mirrors: checks.map(({ url, whole, failure }) => ({
        url: withoutLogin(url),
        whole: failure === undefined,
        read: whole,
        ...defined({ failure }),
      })),
    },
    ...defined({ failure: failures.length === 0 ? undefined : notWhole(locks, checks, failures) }),
  };
}

function notWhole(locks: string, checks: readonly MirrorCheck[], failures: readonly Failure[]): Failure {
  return {
    code: 'lock/not-whole',
    what: `${failures.length} of ${checks.length} ${checks.length === 1 ? 'mirror has' : 'mirrors have'} not all that is named by ${locks}.`,
    why: 'Builds take what is missing from another mirror, or resolve the locks again; with `--frozen` they fail where none has it.',
    fix: [
      'Where the archive has moved on, lock anew: `provision lock`, with the definition named.',
      distribution.advice.otherMirror,
    ],
    also: failures,
  };
}

function offline(): Failure {
  return {
    code: 'fetch/lists-offline',
    what: '`--check` reads from the mirrors, and `--offline` forbids it.',
    fix: ['Leave out one of the two.', 'Whether locks fit their definitions: `provision lock --frozen`.'],
  };
}
