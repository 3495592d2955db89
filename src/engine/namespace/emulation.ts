import { machine, release } from 'node:os';
import { ok, type Result } from '../../domain/result.ts';
import { onDisk } from '../../store/disk.ts';
import type { ElfKind, EmulationSupport } from '../emulation.ts';
import type { Engine } from '../engine.ts';
import { startsForeign } from '../foreign-trial.ts';
import { isProgramMachine } from '../instructions.ts';
import type { Features } from './features.ts';
import { lockedOptions, readHostMounts } from './mountinfo.ts';
import { type Cause, confinedByAppArmor, confinement } from './refusal.ts';
import { removeFolder } from './remove.ts';
import type { Machine } from './sandbox.ts';

/** From this Linux on a user namespace has registrations of its own. */
const SINCE = [6, 7] as const;

/** What becomes of programs of a kind here, after the probe. `folder`: a path for a sandbox's own folder, where nothing is yet. */
export async function emulationSupport(
  { features, refused }: Pick<Machine, 'features' | 'refused'>,
  engine: Pick<Engine, 'open'>,
  folder: string,
  elf: ElfKind,
): Promise<Result<EmulationSupport>> {
  if (features.emulation) return ok({ by: 'sandbox' });
  const tried = await onDisk(folder, () => startsForeign(engine, folder, elf));
  await removeFolder(folder);
  const host = tried.ok ? tried.value : tried;
  if (!host.ok) return host;
  if (host.value) return ok({ by: 'host' });
  const evidence = refused?.evidence ?? [];
  return ok({ by: 'none', ...(await explain(features, evidence, folder)), evidence });
}

async function explain(features: Features, evidence: readonly string[], folder: string): Promise<Cause> {
  const said = (pattern: RegExp) => evidence.some((line) => pattern.test(line));
  if (!isProgramMachine(machine()))
    return { why: `There is no starter of emulators for a machine of the kind ${machine()}.`, fix: [] };
  if (isOlder(release())) {
    return {
      why: `Linux ${release()} has one set of registrations for the whole machine: only from ${SINCE.join('.')} on a user namespace has its own.`,
      fix: [`Use Linux ${SINCE.join('.')} or later.`],
    };
  }
  if (!features.userNamespace && !features.unprivileged) {
    return {
      why: 'Programs run in the user namespace that we run in, and what is registered there is registered for all in it.',
      fix: ['Let user namespaces be made here.'],
    };
  }
  if (said(/unknown filesystem type/)) {
    return {
      why: 'This kernel has no binfmt_misc, or its module is not loaded.',
      fix: ['Load it: `sudo modprobe binfmt_misc`'],
    };
  }
  if (!said(/^mount: /) && lockedOptions(await readHostMounts(), folder).includes('noexec')) {
    return {
      why: 'The kernel does not open the emulator: the store is on a file system from which no program may be started (`noexec`).',
      fix: ['Put the store on another file system: `--store <folder>`.'],
    };
  }
  return (
    (await confinedByAppArmor()) ??
    (await confinement()) ?? {
      why: 'The kernel refuses to mount binfmt_misc in a user namespace, or to register in it, and no setting of this machine tells why: a security module (AppArmor, SELinux) or a confined service may forbid it.',
      fix: ['Run it outside of that confinement.'],
    }
  );
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  return major < SINCE[0] || (major === SINCE[0] && minor < SINCE[1]);
}
