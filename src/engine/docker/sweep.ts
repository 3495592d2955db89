import { join } from 'node:path';
import { isThere } from '../../exec/files.ts';
import { safeName } from '../../store/locks.ts';
import { livenessOf } from '../../store/process-tag.ts';
import type { Api, Listed } from './api.ts';
import type { Machine } from './machine.ts';
import { LABELS } from './names.ts';

/** What a process of another machine or boot left is removed when it is older than this. */
const FOREIGN_LEFTOVER_MS = 24 * 3600 * 1000;

export interface Swept {
  readonly containers: number;
  readonly volumes: number;
  readonly images: number;
}

/**
 * Removes what processes that have died left in the engine: containers, with what runs in them, then the volumes and
 * images that went with them. Throws what the API throws.
 */
export async function sweep(api: Api): Promise<Swept> {
  const [containers, fillers, volumes, images] = await Promise.all([
    api.containers.list([LABELS.owner]),
    api.containers.list([LABELS.filler]),
    api.volumes.list([LABELS.owner]),
    api.images.list([LABELS.owner]),
  ]);
  const swept = { containers: 0, volumes: 0, images: 0 };
  for (const { id } of [...containers, ...fillers].filter(isLeftover)) {
    await api.containers.remove(id);
    swept.containers += 1;
  }
  for (const { id } of volumes.filter(isLeftover)) if (await api.volumes.remove(id)) swept.volumes += 1;
  for (const { id } of images.filter(isLeftover)) {
    await api.images.remove(id);
    swept.images += 1;
  }
  return swept;
}

function isLeftover({ labels, createdAt, running = false }: Listed): boolean {
  const liveness = livenessOf(labels[LABELS.owner] ?? labels[LABELS.filler] ?? '');
  if (liveness !== 'unknown') return liveness === 'dead';
  return !running && Date.now() - createdAt > FOREIGN_LEFTOVER_MS;
}

/**
 * Removes what this store keeps in the engine and no longer has itself: images and volumes of trees that were pruned,
 * and volumes whose folder was. With `all`, everything of this store that nothing running uses. Throws what the API throws.
 */
export async function pruneEngine(machine: Machine, all: boolean): Promise<Swept> {
  const { api, store, storeId } = machine;
  const mine = `${LABELS.store}=${storeId}`;
  const left = await sweep(api);
  const swept = { ...left };
  const isDue = ({ labels }: Listed): boolean => {
    if (labels[LABELS.owner] !== undefined) return false;
    if (all) return true;
    const volume = labels[LABELS.volume];
    if (volume !== undefined) return !isThere(join(store.folder, 'volumes', safeName(volume)));
    const entry = labels[LABELS.entry];
    return (
      entry === undefined || !['trees', 'builds'].some((kind) => isThere(join(store.folder, kind, entry)))
    );
  };
  const [volumes, images] = await Promise.all([api.volumes.list([mine]), api.images.list([mine])]);
  for (const { id } of volumes.filter(isDue)) if (await api.volumes.remove(id)) swept.volumes += 1;
  // Those that stand on others first: one that another stands on is not removed.
  const isUpper = ({ labels }: Listed): number => Number(labels[LABELS.again] !== undefined);
  for (const { id } of images.filter(isDue).sort((a, b) => isUpper(b) - isUpper(a)))
    if (await api.images.removeUnused(id)) swept.images += 1;
  return swept;
}
