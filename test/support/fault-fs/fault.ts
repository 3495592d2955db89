import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plainEnvironment, REPOSITORY } from '../cli.ts';
import type { OpName } from './wire.ts';

/** What fails in a file system, and when. */
export interface Fault {
  readonly operations: readonly OpName[];
  /** A name of errno(3). */
  readonly error: 'ENOSPC' | 'EDQUOT' | 'EIO' | 'EROFS' | 'EMFILE' | 'ENAMETOOLONG' | 'EACCES';
  /** The how manieth of these operations fails, from 1; none of them with 0. */
  readonly at: number;
  /** All that follow fail, too. */
  readonly lasting: boolean;
  /** Names that differ by case alone are one. */
  readonly caseless?: boolean;
}

/** What a file system was asked for while it was mounted. */
export interface FaultLog {
  readonly counts: Readonly<Record<string, number>>;
  /** How many operations were of those that are to fail, and how many did. */
  readonly asked: number;
  readonly failed: number;
}

export interface FaultRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly log: FaultLog;
}

/** Why no such file system can be had here, for `skip`; else false. */
export const NO_FAULT_FS: false | string = faultFsMissing();

function faultFsMissing(): false | string {
  if (!existsSync('/dev/fuse')) return 'there is no /dev/fuse here';
  const script = 'exec 3<>/dev/fuse; mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none /mnt';
  const { status, stderr } = spawnSync('unshare', ['-rm', 'sh', '-ec', script], { encoding: 'utf8' });
  return status === 0 ? false : `no FUSE in a mount namespace here: ${stderr.trim()}`;
}

/** Mounts the file system at "$1" over the folder "$2", runs what stands in "$P", and waits until the log is written. */
const SCRIPT = `
exec 3<>/dev/fuse
mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other faults "$1"
"$NODE" --disable-warning=ExperimentalWarning "$SERVE" "$2" "$FAULT" "$LOG" &
server=$!
exec 3>&-
status=0
eval "$P" || status=$?
cd /
umount -l "$1"
# What was left running below the mount would keep it.
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $server 2>/dev/null || break; sleep 0.1; done
kill $server 2>/dev/null || :
wait $server || :
exit $status
`;

/** Nothing fails. */
export const CASELESS: Fault = { operations: [], error: 'EIO', at: 0, lasting: false, caseless: true };

/** Runs a line of shell, as root of a mount namespace of its own, where a folder is seen through a file system that fails. */
export function underFault(
  { line, backing, mountedAt, log }: { line: string; backing: string; mountedAt: string; log: string },
  fault: Fault,
  env: Readonly<Record<string, string>> = {},
): Promise<FaultRun> {
  writeFileSync(log, JSON.stringify({ counts: {}, asked: 0, failed: 0 } satisfies FaultLog));
  const child = spawn(
    'unshare',
    [
      '-rm',
      '--kill-child',
      '--fork',
      '--pid',
      '--mount-proc',
      'bash',
      '-ec',
      SCRIPT,
      'sh',
      mountedAt,
      backing,
    ],
    {
      env: {
        ...plainEnvironment(),
        PROVISION_ENGINE: 'namespace',
        NODE: process.execPath,
        SERVE: join(REPOSITORY, 'test', 'support', 'fault-fs', 'serve.ts'),
        FAULT: JSON.stringify(fault),
        LOG: log,
        P: line,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) =>
      resolve({ status, ...output, log: JSON.parse(readFileSync(log, 'utf8')) as FaultLog }),
    );
  });
}
