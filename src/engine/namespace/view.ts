import type { Stats } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../domain/errno.ts';
import { isWithin } from '../paths.ts';

/** Something that lies at a path of the sandbox, as the host knows it. Later layers lie over earlier ones. */
export interface Layer {
  /** Path in the sandbox, free of links. */
  readonly at: string;
  /** Host path of the same file or folder. */
  readonly host: string;
  readonly kind: LayerKind;
}

/**
 * `skeleton`: the root folder that we make; `private`: fresh for each command; `rootfs`: an entry of the root tree;
 * `kernel`: made by the kernel, unknown to the host.
 */
export type LayerKind =
  | 'skeleton'
  | 'private'
  | 'rootfs'
  | 'tree'
  | 'source'
  | 'volume'
  | 'scratch'
  | 'kernel';

export interface ResolvedPath {
  /** Path in the sandbox, free of links as far as it exists. */
  readonly path: string;
  readonly host: string;
  readonly layer: Layer;
  /** Of the file, links followed; absent when nothing is there. */
  readonly stats?: Stats;
}

/** As many links as the kernel follows: path_resolution(7). */
const MAX_LINKS = 40;

/** Finds a path of the sandbox as a process inside would: every link, also an absolute one, is followed inside. */
export async function locate(layers: readonly Layer[], path: string): Promise<ResolvedPath> {
  let done: string[] = [];
  let links = 0;
  const pending = names(path);
  while (pending.length > 0) {
    const name = pending.shift() as string;
    if (name === '..') {
      done.pop();
      continue;
    }
    const resolved = resolvedPath(layers, [...done, name]);
    const stats = await lstatOrAbsent(resolved.host);
    if (stats === undefined) return resolvedPath(layers, [...done, name, ...pending]);
    if (!stats.isSymbolicLink()) {
      done.push(name);
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) return resolvedPath(layers, [...done, name, ...pending]);
    const target = await readlink(resolved.host);
    if (target.startsWith('/')) done = [];
    pending.unshift(...names(target));
  }
  const resolved = resolvedPath(layers, done);
  const stats = await lstatOrAbsent(resolved.host);
  return stats === undefined ? resolved : { ...resolved, stats };
}

function resolvedPath(layers: readonly Layer[], parts: readonly string[]): ResolvedPath {
  const path = `/${parts.join('/')}`;
  const layer = layerAt(layers, path);
  return { path, layer, host: join(layer.host, path.slice(layer.at.length)) };
}

/** The topmost layer that holds a path: of the deepest ones the last. */
export function layerAt(layers: readonly Layer[], path: string): Layer {
  let best: Layer | undefined;
  for (const layer of layers) {
    if (isWithin(path, layer.at) && layer.at.length >= (best?.at.length ?? 0)) best = layer;
  }
  if (best === undefined) throw new Error(`no layer holds ${path}`);
  return best;
}

function names(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

async function lstatOrAbsent(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (cause) {
    const code = errorCode(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw cause;
  }
}
