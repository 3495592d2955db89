import type { Table } from '../crate/toml.ts';
import type { Context } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Command, Engine, Exit, Sandbox } from '../engine/engine.ts';
import type { Failure } from '../failure.ts';
import { fingerprint } from '../store/fingerprint.ts';
import type { Json, Store } from '../store/store.ts';
import {
  CRATES_LOCK,
  cargoHomeMounts,
  cargoHomeScript,
  commandOnKnown,
  NOT_KNOWN,
  SCRIPT_ENV,
} from './cargo-home.ts';
import { packagesIn } from './cargo-lock.ts';

/** The crates of a build. */
export interface LockedCrates {
  /** Text of the `Cargo.lock`. */
  readonly lock: string;
  /** What else decides which crates are fetched. */
  readonly inputs: { readonly [name: string]: Json };
}

export interface CratesInput extends LockedCrates {
  readonly context: Context;
  readonly store: Store;
  readonly engine: Engine;
  /** Tree with the script's shell. */
  readonly rootfs: string;
  /** Also where nothing changed. */
  readonly always?: true;
}

/**
 * Makes sure that the crates of a lock are there and are what it names. `fetch` runs cargo's fetch, and is not called where
 * nothing changed since the crates were last compared. Failures: those of `fetch`, and `fetch/crates-checksum`.
 */
export async function sealCrates(
  input: CratesInput,
  fetch: () => Promise<Result<void>>,
): Promise<Result<void>> {
  const { context, store } = input;
  const key = cratesKey(input);
  if (input.always !== true) {
    const known = await run(input, 'known', key);
    if (!known.ok) return known;
    if (known.value.status === 0) return ok(undefined);
  }
  const lock = await store.lock(CRATES_LOCK, { signal: context.signal });
  if (!lock.ok) return lock;
  await using _ = lock.value;
  const prepared = await run(input, 'prepare', key);
  if (!prepared.ok) return prepared;
  if (prepared.value.status !== 0) return err(unchecked(prepared.value));
  const fetched = await fetch();
  if (!fetched.ok) return fetched;
  const sealed = await run(input, 'seal', key);
  if (!sealed.ok) return sealed;
  return sealed.value.status === 0 ? ok(undefined) : err(unchecked(sealed.value));
}

/** Names the crates of a build among those of all builds. */
export function cratesKey({ lock, inputs }: LockedCrates): string {
  return fingerprint({ what: 'crates', lock, ...inputs });
}

/**
 * A sandbox of a build that runs commands only while nothing changed since the crates were compared. Failure otherwise:
 * `build/crates-unknown`, before the command has begun; it never reaches a user.
 */
export function onKnownCrates(sandbox: Pick<Sandbox, 'run'>, crates: LockedCrates): Pick<Sandbox, 'run'> {
  return {
    run: async (command: Command): Promise<Result<Exit>> => {
      const waiting = commandOnKnown(cratesKey(crates), command);
      const exit = await sandbox.run({ ...command, ...waiting, stdin: crateLines(crates.lock) });
      return exit.ok && exit.value.status === NOT_KNOWN ? err(cratesUnknown()) : exit;
    },
  };
}

export const CRATES_UNKNOWN = 'build/crates-unknown';

function cratesUnknown(): Failure {
  return {
    code: CRATES_UNKNOWN,
    what: 'The crates of this build are others than those that were compared with Cargo.lock.',
    fix: ['Run the same command again.'],
  };
}

async function run(
  { engine, rootfs, lock }: CratesInput,
  step: 'prepare' | 'seal' | 'known',
  key: string,
): Promise<Result<Exit>> {
  const mounts = cargoHomeMounts(step === 'known' ? 'build' : 'check');
  const opened = await engine.open({ rootfs, network: 'none', mounts });
  if (!opened.ok) return opened;
  await using box = opened.value;
  return await box.run({
    argv: cargoHomeScript(step, key),
    env: SCRIPT_ENV,
    cwd: '/',
    stdin: crateLines(lock),
  });
}

/** The packages of a `Cargo.lock` that come from elsewhere, a line for each: input of the script. */
export function crateLines(lock: string): string {
  return packagesIn(lock)
    .flatMap(lineOf)
    .map((line) => `${line}\n`)
    .join('');
}

/** Nothing that would be another path than that of a crate: whoever writes the lock is not trusted. */
function lineOf({ name, version, source, checksum }: Table): readonly string[] {
  const commit = /^git\+.*#([0-9a-f]{40})$/.exec(String(source))?.[1];
  if (commit !== undefined) return [`git ${commit}`];
  return /^[0-9a-f]{64}$/.test(String(checksum)) &&
    /^[\w-]+$/.test(String(name)) &&
    /^[\w.+-]+$/.test(String(version))
    ? [`crate ${checksum} ${name}-${version}`]
    : [];
}

function unchecked(exit: Exit): Failure {
  const said = Buffer.from(exit.stderr).toString('utf8').trimEnd().split('\n');
  return {
    code: 'fetch/crates-checksum',
    what: 'The crates that were fetched could not be compared with Cargo.lock, or are not what it names.',
    fix: ['Run the same command again: what differs was removed and is fetched anew.'],
    evidence: said.slice(-20),
  };
}
