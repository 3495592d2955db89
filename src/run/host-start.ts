import { constants } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import { compareReleases } from '../domain/glibc.ts';
import type { HostStart } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Observation } from '../domain/sample.ts';
import { fillFolder } from '../engine/placed.ts';
import { type ProcessExit, runProcess } from '../exec/process.ts';
import { SAMPLE_ENV } from '../runtime/instance.ts';
import { onDisk } from '../store/disk.ts';
import { fingerprint } from '../store/fingerprint.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import type { Json, Store } from '../store/store.ts';
import type { WorkingFiles } from './observe.ts';

/** What a program is started with, once. */
export interface FirstStart {
  /** Name of the sample or command. */
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string;
  readonly timeoutSeconds: number;
  /** How it ended in the sandbox. */
  readonly exit: Observation['exit'];
  /** Path → digest of what it reads. */
  readonly files: Readonly<Record<string, string>>;
  /** What its working folder begins with; absent: nothing. */
  readonly working?: WorkingFiles;
}

/** The operating system of this machine. */
export interface HostSystem {
  /** As os-release(5) has it: `Debian GNU/Linux 12 (bookworm)`. */
  readonly name: string;
  /** `uname -r`. */
  readonly kernel: string;
  /** Version of its glibc; absent: it has another C library. */
  readonly glibc?: string;
}

export interface HostStartInput {
  /** Absolute folder of the unpacked bundle. */
  readonly bundle: string;
  readonly digest: string;
  /** Path of the program in it. */
  readonly program: string;
  readonly host: HostSystem;
  readonly start: FirstStart;
  /** What the recipe says to have a Python that starts with an older glibc, where there is one. */
  readonly older?: string;
}

/** Lines of standard error that are shown. */
const LINES = 10;

/** Bytes of output that are read. */
const OUTPUT = 1024 * 1024;

/**
 * Starts the program of a bundle once on this machine, **outside of any sandbox**: in a copy of the bundle, with a working
 * folder of its own and nothing of our environment. It started where it ended as it did in the sandbox. What it did before is
 * looked up for the same bundle on the same system.
 */
export async function startOnHost(
  context: Context,
  store: Store,
  input: HostStartInput,
): Promise<Result<HostStart & { readonly cached: boolean }>> {
  const { digest, host, start } = input;
  const { timeoutSeconds: _, exit: expected, working, ...inputs } = start;
  const key = fingerprint({
    ...{ what: 'start on this machine', format: 1, bundle: digest },
    ...{ host: { ...host }, inputs: { ...inputs, ...defined({ working: working?.digest }) }, expected },
  });
  const kept = await store.readResult<Kept>(key);
  if (kept !== undefined) return ok({ ...resultOf(input, kept), cached: true });
  return withTemporaryFolder(context.settings.store, 'host-start', async (folder) => {
    const ran = await run(context, folder, input);
    if (!ran.ok) return ran;
    // One that cannot be kept is started again next time.
    if (ran.value.limit === undefined) await store.writeResult(key, ran.value);
    return ok({ ...resultOf(input, ran.value), cached: false });
  });
}

type Kept = {
  readonly exit: Observation['exit'];
  readonly limit?: 'time' | 'output';
  readonly stderr: string;
  readonly ms: number;
} & { readonly [key: string]: Json };

async function run(
  { signal }: Context,
  folder: string,
  { bundle, program, start }: HostStartInput,
): Promise<Result<Kept>> {
  const [copy, cwd] = [join(folder, 'bundle'), join(folder, 'work')];
  const copied = await onDisk(folder, async () => {
    await mkdir(cwd);
    await fillFolder(cwd, start.working?.entries ?? []);
    await cp(bundle, copy, {
      ...{ recursive: true, verbatimSymlinks: true, preserveTimestamps: true },
      mode: constants.COPYFILE_FICLONE,
    });
  });
  if (!copied.ok) return copied;
  const ended = await runProcess({
    argv: [join(copy, program), ...start.args],
    env: { ...SAMPLE_ENV, HOME: cwd, TMPDIR: cwd, PYTHONDONTWRITEBYTECODE: '1', ...start.env },
    cwd,
    stdin: start.stdin,
    timeoutMs: start.timeoutSeconds * 1000,
    maxOutput: OUTPUT,
    ownSession: true,
    signal,
  });
  if (ended.ok) return ok(keptOf(ended.value, copy));
  // The kernel refuses it, e.g. for want of its loader.
  const { code, what, evidence = [] } = ended.error;
  if (!code.startsWith('engine/')) return err(ended.error);
  return ok({ exit: { status: 127 }, stderr: [what, ...evidence].join('\n'), ms: 0 });
}

/** Paths in the copy are shown as paths in the bundle. */
function keptOf({ status, signal, limit, stderr, ms }: ProcessExit, copy: string): Kept {
  return {
    exit: signal === undefined ? { status: status ?? 0 } : { signal },
    ...defined({ limit }),
    stderr: Buffer.from(stderr).toString('utf8').replaceAll(`${copy}/`, ''),
    ms: Math.round(ms),
  };
}

function resultOf({ start, host, older }: HostStartInput, ran: Kept): HostStart {
  const { exit, limit, stderr, ms } = ran;
  const common = { with: start.name, system: host.name, ...defined({ glibc: host.glibc }), exit, ms };
  if (limit === undefined && isDeepStrictEqual(exit, start.exit)) return { started: true, ...common };
  const lines = stderr.trimEnd().split('\n').slice(-LINES);
  return { started: false, ...common, ...causeOf(ran, host, older), lines };
}

/** The dynamic loader's words, ld.so(8). */
const TOO_NEW = /version `GLIBC_([0-9.]+)' not found/g;

function causeOf(
  { exit, limit, stderr }: Kept,
  host: HostSystem,
  older: string | undefined,
): Pick<HostStart, 'reason' | 'cures'> {
  const wanted = [...stderr.matchAll(TOO_NEW)].map(([, version]) => version as string);
  const newest = wanted.toSorted(compareReleases).at(-1);
  if (newest !== undefined)
    return {
      reason: `it needs glibc ${newest}, and this machine has ${host.glibc ?? 'another'}`,
      cures: [
        older === undefined
          ? 'Build it for musl, as a static program: `provision musl`.'
          : `Write \`${older}\` into the recipe: that Python is built on an older glibc.`,
      ],
    };
  if (limit !== undefined)
    return { reason: limit === 'time' ? 'it did not end in time' : 'it printed too much' };
  return {
    reason: 'status' in exit ? `it ended with exit status ${exit.status}` : `${exit.signal} ended it`,
  };
}
