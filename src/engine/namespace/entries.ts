import { lstat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../../exec/files.ts';
import type { Features } from './features.ts';
import type { MountEntry } from './fstab.ts';
import { type HostMount, lockedOptions, mountsBelow } from './mountinfo.ts';
import type { Layer } from './view.ts';

/** Harmless devices, bound from the host: a user namespace may not make device nodes. */
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

const DEVICE_LINKS: Readonly<Record<string, string>> = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
};

/**
 * Parts of `/proc` that act on the whole machine and ask only for user id 0 (no capability): read-only, as container
 * engines have them.
 */
const GUARDED = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'];

const QUIET = ['nosuid', 'nodev', 'noexec'];

/** Fills `/dev` of a skeleton with links and with files to bind devices over. */
export async function makeDevices(root: string, features: Features): Promise<readonly string[]> {
  const links = features.terminals ? { ...DEVICE_LINKS, ptmx: 'pts/ptmx' } : DEVICE_LINKS;
  for (const [name, target] of Object.entries(links)) await symlink(target, join(root, 'dev', name));
  const present: string[] = [];
  for (const name of DEVICES) {
    if (!(await isCharacterDevice(`/dev/${name}`))) continue;
    await writeFile(join(root, 'dev', name), '');
    present.push(name);
  }
  return present;
}

/** Parts of `/proc` that exist here and need guarding: only root of the machine could write them. */
export async function guardedParts(uid: number): Promise<readonly string[]> {
  if (uid !== 0) return [];
  const there = await Promise.all(GUARDED.map((name) => exists(`/proc/${name}`)));
  return GUARDED.filter((_, index) => there[index]);
}

export interface EntryInput {
  readonly root: string;
  readonly layers: readonly Layer[];
  readonly features: Features;
  readonly devices: readonly string[];
  readonly guarded: readonly string[];
  readonly hostMounts: readonly HostMount[];
  /** Host folder outside the root for a `/sys` that brings the loopback up and goes with the old root. */
  readonly sys?: string;
}

/** All mounts of a sandbox in their order. */
export function mountEntries(input: EntryInput): readonly MountEntry[] {
  return [
    ...input.layers.flatMap((layer) =>
      layer.kind === 'kernel' ? kernelEntries(input, layer.at) : bindEntries(input, layer),
    ),
    ...input.devices.map((name) => bind(`/dev/${name}`, join(input.root, 'dev', name), ['bind'])),
    ...(input.sys === undefined
      ? []
      : [{ source: 'sysfs', target: input.sys, type: 'sysfs', options: QUIET }]),
  ];
}

function bindEntries({ root, hostMounts }: EntryInput, layer: Layer): readonly MountEntry[] {
  const target = join(root, layer.at);
  const below = mountsBelow(hostMounts, layer.host);
  // A user namespace may not bind a folder without the mounts below it: they could hide something.
  const how = below.length > 0 ? 'rbind' : 'bind';
  if (layer.kind === 'private' || layer.kind === 'volume' || layer.kind === 'scratch') {
    return [bind(layer.host, target, [how])];
  }
  const readOnly = (source: string): readonly string[] => ['ro', ...lockedOptions(hostMounts, source)];
  return [
    bind(layer.host, target, [how, ...readOnly(layer.host)]),
    // Read-only does not go down to them by itself.
    ...below.map((at) => bind(at, join(target, at.slice(layer.host.length)), ['rbind', ...readOnly(at)])),
  ];
}

function kernelEntries({ root, features, guarded }: EntryInput, at: string): readonly MountEntry[] {
  const target = join(root, at);
  switch (at) {
    case '/proc':
      return [
        features.ownProc
          ? { source: 'proc', target, type: 'proc', options: QUIET }
          : bind('/proc', target, ['rbind']),
        ...guarded.map((name) => bind(join(target, name), join(target, name), ['bind', 'ro', ...QUIET])),
      ];
    case '/dev/pts':
      if (!features.terminals) return [];
      return [
        {
          source: 'devpts',
          target,
          type: 'devpts',
          options: ['newinstance', 'ptmxmode=0666', 'mode=620', 'nosuid', 'noexec'],
        },
      ];
    default:
      return [{ source: 'tmpfs', target, type: 'tmpfs', options: ['mode=1777', 'nosuid', 'nodev'] }];
  }
}

function bind(source: string, target: string, options: readonly string[]): MountEntry {
  return { source, target, type: 'none', options };
}

async function isCharacterDevice(path: string): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isCharacterDevice(),
    () => false,
  );
}
