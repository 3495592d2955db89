import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { err, ok, type Result } from '../domain/result.ts';
import { systemFailure } from '../exec/system-error.ts';
import { type Failure, interrupted } from '../failure.ts';
import { diskFailure, onDisk } from './disk.ts';
import type { ObtainOptions } from './store.ts';

/** Takes the lock of `HOLDER` where there is no flock(1), as on macOS. */
const PERL = `
use Fcntl ":flock";
$| = 1;
open(my $file, ">>", $ARGV[0]) or exit 73;
unless (flock($file, LOCK_EX | LOCK_NB)) {
  exit 75 unless $ARGV[1] eq "wait";
  print "waiting\\n";
  for (my $tries = 1; !flock($file, LOCK_EX | LOCK_NB); $tries++) {
    select(undef, undef, undef, 0.2);
    $tries % 10 or print ".\\n" or exit 74;
  }
}
print "locked\\n";
1 while sysread(STDIN, my $rest, 4096);
`;

/**
 * Node cannot call flock(2), so a child holds the lock: it prints `locked` and then waits for the end of its standard
 * input, a pipe whose other end is ours. However we die, the kernel closes that end and with it the lock goes. A
 * waiter writes a dot every few seconds, so that it notices when its reader is gone and ends as well.
 */
const HOLDER = `
command -v flock >/dev/null || ! command -v perl >/dev/null || exec perl -e "$3" "$1" "$2"
exec 9>>"$1" || exit 73
flock -n 9 || {
  status=$?
  [ "$status" = 1 ] || exit "$status"
  [ "$2" = wait ] || exit 75
  echo waiting
  until flock -w 2 9; do
    status=$?
    [ "$status" = 1 ] || exit "$status"
    echo . || exit 74
  done
}
echo locked
exec cat >/dev/null
`;
const BUSY = 75;
const COMMAND_NOT_FOUND = 127;

/** Takes the lock, waiting for it. Exclusive across processes and within one. */
export async function takeLock(
  store: string,
  key: string,
  options: ObtainOptions,
): Promise<Result<AsyncDisposable>> {
  const taken = await hold(store, key, 'wait', options);
  if (taken.ok && taken.value === undefined) throw new Error('a waiting lock was given up as busy');
  return taken as Result<AsyncDisposable>;
}

/** The lock if it is free now, else undefined. */
export function tryLock(store: string, key: string): Promise<Result<AsyncDisposable | undefined>> {
  return hold(store, key, 'once', { signal: new AbortController().signal });
}

async function hold(
  store: string,
  key: string,
  mode: 'wait' | 'once',
  options: ObtainOptions,
): Promise<Result<AsyncDisposable | undefined>> {
  const file = join(store, 'locks', safeName(key));
  // Opened here first: the shell's own error message would be localized.
  const opened = await onDisk(file, async () => (await open(file, 'a')).close());
  if (!opened.ok) return opened;
  if (options.signal.aborted) return err(interrupted());
  // Its own session, so that Ctrl-C in the terminal ends us first and the lock is held during cleanup.
  const child = spawn('sh', ['-c', HOLDER, 'sh', file, mode, PERL], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  return new Promise((resolve) => {
    watch(child, options, (outcome) => resolve(outcome));
  });
}

type Holder = ChildProcessByStdio<Writable, Readable, Readable>;

function watch(
  child: Holder,
  options: ObtainOptions,
  settle: (outcome: Result<AsyncDisposable | undefined>) => void,
): void {
  const output = { stdout: '', stderr: '' };
  let waiting = false;
  const onAbort = () => endGroup(child);
  options.signal.addEventListener('abort', onAbort, { once: true });
  // There are no streams where the system refused the child: `error` reports that.
  child.stdin?.on('error', () => {}); // EPIPE of a holder that was killed; its exit status reports that.
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
    if (!waiting && output.stdout.startsWith('waiting\n')) {
      waiting = true;
      options.onWait?.();
    }
    if (/^locked$/m.test(output.stdout) && !options.signal.aborted) {
      // From here on an interrupt does not release the lock: its owner does after cleanup.
      options.signal.removeEventListener('abort', onAbort);
      settle(ok(release(child)));
    }
  });
  child.once('error', (cause) => {
    options.signal.removeEventListener('abort', onAbort);
    settle(err(notStarted(cause)));
  });
  child.once('close', (status) => {
    options.signal.removeEventListener('abort', onAbort);
    if (options.signal.aborted) settle(err(interrupted()));
    else if (status === BUSY) settle(ok(undefined));
    else settle(err(status === COMMAND_NOT_FOUND ? noFlock(output.stderr) : cannotLock(output.stderr)));
  });
}

function release(child: Holder): AsyncDisposable {
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  // A lock that is held must not keep a finished program from ending; waiting for its release must.
  const handles = [child, child.stdin, child.stdout, child.stderr] as { ref(): void; unref(): void }[];
  for (const handle of handles) handle.unref();
  return {
    async [Symbol.asyncDispose]() {
      for (const handle of handles) handle.ref();
      child.stdin.end();
      await closed;
    },
  };
}

function endGroup(child: Holder): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause;
  }
}

function notStarted(cause: NodeJS.ErrnoException): Failure {
  if (cause.code === 'ENOENT') {
    return {
      code: 'store/no-shell',
      what: 'There is no `sh` on PATH: it holds the locks of the store.',
      fix: ['Put the folders of the system on PATH again: `export PATH=/usr/bin:/bin`.'],
    };
  }
  return diskFailure(cause, 'sh') ?? systemFailure(cause) ?? cannotLock(cause.message);
}

function noFlock(stderr: string): Failure {
  return {
    code: 'store/no-flock',
    what: 'The programs `flock` and `perl` are missing: one of them holds the locks of the store.',
    fix: ['Install one: `flock` is in the package `util-linux`.'],
    evidence: lines(stderr),
  };
}

function cannotLock(stderr: string): Failure {
  return {
    code: 'store/cannot-lock',
    what: 'A lock of the store could not be taken.',
    why: 'Some network file systems do not support locks.',
    fix: ['Put the store on a local disk with `--store <folder>`.'],
    evidence: lines(stderr),
  };
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** A file name for any key: readable where it can be, else a digest of it. */
export function safeName(key: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/.test(key)) return key;
  const readable = key.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 60);
  return `${readable}.${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
}
