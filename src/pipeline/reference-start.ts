import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import type { Plan } from '../domain/plan.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { Engine } from '../engine/engine.ts';
import { exists } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import type { Tree } from '../toolchain/tree.ts';
import type { Session } from './session.ts';

interface Input {
  readonly toolchain: Tree;
  readonly reference: Tree;
}

/**
 * The tree with the emulator that the reference interpreter needs; undefined: the kernel starts it. Of an architecture that
 * this machine may be able to run it is tried: whether a kernel and a processor do is not known from their names.
 */
export async function startOfReference(
  session: Session,
  { hostTarget, referenceTarget, reference: definition }: Plan,
  { toolchain, reference }: Input,
): Promise<Result<Tree | undefined>> {
  if (referenceTarget.machine === hostTarget.machine) return ok(undefined);
  if (referenceTarget.maybeOn.includes(hostTarget.machine)) {
    const program = `/usr/bin/${definition.tools.python ?? 'python3'}`;
    const started = await startsHere(session, reference, program);
    if (!started.ok) return started;
    if (started.value) return ok(undefined);
  }
  const program = referenceTarget.emulator?.program ?? '';
  const ready = await session.store.ready([toolchain.folder]);
  if (!ready.ok) return ready;
  return (await exists(join(toolchain.folder, 'usr/bin', program)))
    ? ok(toolchain)
    : err(noEmulator(program, definition.name));
}

/** Identifies one boot of one machine: random(4). A store may be copied to another one, whose processor has less. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** Asked once after each boot, and of each engine. */
async function startsHere(
  { context, store, engine }: Session,
  tree: StoredTree,
  program: string,
): Promise<Result<boolean>> {
  const { engine: asked, docker } = context.settings;
  const boot = await readFile(BOOT_ID, 'utf8').catch(() => release());
  const inputs = {
    ...{ what: 'starts', interpreter: tree.fingerprint, boot: boot.trim() },
    engine: [asked, docker.host ?? '', docker.context ?? ''],
  };
  const tried = await store.obtain<{ readonly starts: boolean }>(
    'builds',
    inputs,
    async () => {
      const found = await engine();
      if (!found.ok) return found;
      const starts = await kernelStarts(found.value, tree.folder, [program, '-S', '-c', '']);
      return starts.ok ? ok({ starts: starts.value }) : starts;
    },
    { signal: context.signal, local: true, reads: [] },
  );
  return tried.ok ? ok(tried.value.meta.starts) : tried;
}

/** Whether the kernel of an engine starts a program that does nothing; it refuses one of another class or machine. */
export async function kernelStarts(
  engine: Engine,
  rootfs: string,
  argv: readonly [string, ...string[]],
): Promise<Result<boolean>> {
  const opened = await engine.open({ rootfs, mounts: [], network: 'none' });
  if (!opened.ok) return opened;
  await using sandbox = opened.value;
  const run = await sandbox.run({ argv, env: {}, cwd: '/', timeoutMs: 30_000 });
  if (!run.ok) return run;
  const { status, signal, limit } = run.value;
  return ok(status === 0 && signal === undefined && limit === undefined);
}

function noEmulator(program: string, reference: string): Failure {
  return {
    code: 'recipe/no-emulator',
    what: `The toolchain image has no \`${program}\`, and without it the reference interpreter \`${reference}\` cannot be started on this machine.`,
    why: 'A target with 32-bit pointers is compared with an interpreter that has such: `hash()`, `sys.maxsize` and the sizes of objects are others with 64 bits.',
    fix: ['Add the package that has the emulator (`qemu-user`) to the image, or name another `toolchain`.'],
  };
}
