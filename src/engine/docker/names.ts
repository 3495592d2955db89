import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { ownTag } from '../../store/process-tag.ts';
import type { Labels } from './api.ts';

/** What everything of ours in an engine is labelled with, so that it can be found and distinguished. */
export const LABELS = {
  /** Which store it belongs to (`storeId`). */
  store: 'provision.store',
  /** `rootfs`, `sandbox`, `tree`, `source`, `volume`, `scratch`, `run`, `fill`. */
  kind: 'provision.kind',
  /** Process that it goes with: process id first (`store/process-tag.ts`). Absent: it stays when that process ends. */
  owner: 'provision.owner',
  /** As `owner`, of a container that becomes an image: an image has all labels of what it was made of, and may stay. */
  filler: 'provision.filler',
  /** Fingerprint of the store entry that it was made from. */
  entry: 'provision.entry',
  /** Checksum of the lock that a root tree was made from. */
  lock: 'provision.lock',
  /** Digest of what decides its content. */
  content: 'provision.content',
  /** Of an image or a volume that is kept for the next run: what opens its sandbox, or which folder it is of. */
  again: 'provision.again',
  /** Another one for each making: distinguishes a volume from a later one of the same name. */
  making: 'provision.making',
  /** Name of the store's volume that it stands for. */
  volume: 'provision.volume',
} as const;

/** Repository of the images of root trees; their tag is the sha256 of the tar. */
export const ROOTFS_REPOSITORY = 'provision/rootfs';

/** Identifies a store among all that use the same engine: the machine and the folder. */
export function storeId(folder: string): string {
  return shortHash([machineId(), folder]);
}

/** machine-id(5); a machine without one is known by its name. */
function machineId(): string {
  try {
    return readFileSync('/etc/machine-id', 'utf8').trim() || hostname();
  } catch {
    return hostname();
  }
}

export function shortHash(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** Labels of what goes with this process. */
export function ownedLabels(store: string, kind: string): Labels {
  return { [LABELS.store]: store, [LABELS.kind]: kind, [LABELS.owner]: ownTag() };
}

/** A name that nothing else has. */
export function freshName(kind: string): string {
  return `provision-${kind}-${freshId()}`;
}

export function freshId(): string {
  return randomBytes(8).toString('hex');
}

/** Instructions for `changes` of an import or a commit. */
export function labelChanges(labels: Labels): readonly string[] {
  return Object.entries(labels).map(([name, value]) => `LABEL ${name}=${JSON.stringify(value)}`);
}
