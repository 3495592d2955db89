import { chmod, lstat, mkdir, readdir, readlink, realpath, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode } from '../../domain/errno.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { EngineDeps, Mount, SandboxSpec } from '../engine.ts';
import { mountSourceMissing, noMountPoint } from '../failures.ts';
import { isWithin } from '../paths.ts';
import { fillFolder } from '../placed.ts';
import { type Layer, layerAt, locate, type ResolvedPath } from './view.ts';

/** A file or folder that each command gets anew below its private folders. */
export interface PrivatePoint {
  /** Relative to the run's folder. */
  readonly path: string;
  readonly folder: boolean;
}

/** Everything that a sandbox consists of, on disk and as a list of mounts. */
export interface Layout {
  /** Folder that becomes `/`, bound read-only: links, mount points and `/etc`. */
  readonly root: string;
  /** Template of the private folders; each command has its own in place of it. */
  readonly privateFolder: string;
  readonly points: readonly PrivatePoint[];
  /** In the order of mounting; private ones name the template. */
  readonly layers: readonly Layer[];
  /** The private layer below which the old root is parked while the roots are swapped. */
  readonly parking: Layer;
}

/** Name of the folder for the old root in the parking layer. */
export const OLD_ROOT = '.old-root';

/** Private folders: writable, empty at the start of each command. */
const PRIVATE: readonly { readonly name: string; readonly at: string }[] = [
  { name: 'run', at: '/run' },
  { name: 'tmp', at: '/tmp' },
  { name: 'var-tmp', at: '/var/tmp' },
];

/** Entries of a root tree that a sandbox has its own of. */
const OWN = new Set(['dev', 'etc', 'proc', 'run', 'sys', 'tmp']);

/** A folder of the root tree with more entries than this is not taken apart to make room for a mount point. */
const MAX_EXPANDED = 256;

const STICKY = 0o1777;

interface Draft {
  readonly root: string;
  readonly privateFolder: string;
  readonly points: PrivatePoint[];
  readonly layers: Layer[];
}

/** Lays out a sandbox in a folder whose `root/etc` is there; `/dev` is filled by others. */
export async function makeLayout(
  folder: string,
  spec: SandboxSpec,
  deps: EngineDeps,
): Promise<Result<Layout>> {
  const draft: Draft = {
    root: join(folder, 'root'),
    privateFolder: join(folder, 'private'),
    points: [],
    layers: [{ at: '/', host: join(folder, 'root'), kind: 'skeleton' }],
  };
  for (const name of OWN) await mkdir(join(draft.root, name), { recursive: true });
  draft.layers.push(...(await placeEntries(draft, spec.rootfs, '/')));
  for (const kernel of ['/proc', '/dev/pts', '/dev/shm']) {
    await mkdir(join(draft.root, kernel), { recursive: true });
    draft.layers.push({ at: kernel, host: join(draft.root, kernel), kind: 'kernel' });
  }
  const wanted = [...PRIVATE.map((own) => ({ kind: 'private' as const, ...own })), ...spec.mounts];
  // Outermost first, so that no mount covers an earlier one; our own first, so that they may be covered.
  wanted.sort((a, b) => depth(a.at) - depth(b.at));
  for (const [index, mount] of wanted.entries()) {
    const placed =
      mount.kind === 'private'
        ? await placePrivate(draft, mount.name, mount.at)
        : await placeMount(draft, mount, join(folder, 'scratch', String(index)), deps);
    if (!placed.ok) return placed;
  }
  return ok({ ...draft, parking: await parkingOf(draft) });
}

/** Makes mount points for the entries of a root tree's folder; the layers to put over them. */
async function placeEntries(draft: Draft, source: string, at: string): Promise<readonly Layer[]> {
  const layers: Layer[] = [];
  for (const entry of await readdir(source, { withFileTypes: true })) {
    if (at === '/' && OWN.has(entry.name)) continue;
    const host = join(source, entry.name);
    const point = join(draft.root, at, entry.name);
    if (entry.isSymbolicLink()) {
      await symlink(await readlink(host), point);
    } else if (entry.isDirectory() || entry.isFile()) {
      await (entry.isDirectory() ? mkdir(point) : writeFile(point, ''));
      layers.push({ at: join(at, entry.name), host, kind: 'rootfs' });
    }
  }
  return layers;
}

async function placePrivate(draft: Draft, name: string, at: string): Promise<Result<void>> {
  const found = await locate(draft.layers, at);
  // A link to another private folder, or a mount of the caller's over the parent: nothing to add.
  if (found.layer.kind !== 'skeleton' && found.layer.kind !== 'rootfs') return ok(undefined);
  const resolved = await mountPoint(draft, at, true);
  if (!resolved.ok) return resolved;
  const host = join(draft.privateFolder, name);
  await mkdir(host, { recursive: true });
  draft.points.push({ path: name, folder: true });
  draft.layers.push({ at: resolved.value.path, host, kind: 'private' });
  return ok(undefined);
}

async function placeMount(
  draft: Draft,
  mount: Mount,
  scratch: string,
  deps: EngineDeps,
): Promise<Result<void>> {
  const source = await sourceOf(mount, scratch, deps);
  if (!source.ok) return source;
  if (['/', '/dev', '/proc'].includes(join(mount.at, '.')) || isWithin(join(mount.at, '.'), '/proc')) {
    return err(noMountPoint(mount.at, 'That place is made by the sandbox itself.'));
  }
  const resolved = await mountPoint(draft, mount.at, (await lstat(source.value)).isDirectory());
  if (!resolved.ok) return resolved;
  // A volume that is only read is as a tree here.
  const kind = mount.kind === 'volume' && mount.readOnly === true ? 'tree' : mount.kind;
  draft.layers.push({ at: resolved.value.path, host: source.value, kind });
  return ok(undefined);
}

async function sourceOf(mount: Mount, scratch: string, deps: EngineDeps): Promise<Result<string>> {
  switch (mount.kind) {
    case 'scratch':
      await mkdir(scratch, { recursive: true });
      await fillFolder(scratch, mount.entries ?? []);
      return ok(scratch);
    case 'volume': {
      const folder = await deps.volume(mount.name);
      return folder.ok ? ok(await realpath(folder.value)) : folder;
    }
    default:
      try {
        return ok(await realpath(mount.source));
      } catch (cause) {
        const code = errorCode(cause);
        if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EACCES') throw cause;
        return err(mountSourceMissing(mount.source, mount.at, code));
      }
  }
}

/** Finds or makes the file or folder that something is mounted over. */
async function mountPoint(draft: Draft, at: string, folder: boolean): Promise<Result<ResolvedPath>> {
  const resolved = await locate(draft.layers, at);
  if (resolved.stats !== undefined) {
    if (resolved.stats.isDirectory() === folder) return ok(resolved);
    return err(
      noMountPoint(
        at,
        folder
          ? 'A file is there, and a folder is to be mounted.'
          : 'A folder is there, and a file is to be mounted.',
      ),
    );
  }
  switch (resolved.layer.kind) {
    case 'rootfs':
      if (await expand(draft, resolved.layer)) return mountPoint(draft, at, folder);
      return err(
        noMountPoint(at, `${resolved.layer.at} of the root tree is read-only and does not have it.`),
      );
    case 'kernel':
      return err(noMountPoint(at, `${resolved.layer.at} is made by the kernel.`));
    case 'tree':
    case 'source':
      return err(
        noMountPoint(
          at,
          `It lies in what is mounted read-only at ${resolved.layer.at}, which does not have it.`,
        ),
      );
    default:
      return makePoint(draft, resolved, at, folder);
  }
}

async function makePoint(
  draft: Draft,
  resolved: ResolvedPath,
  at: string,
  folder: boolean,
): Promise<Result<ResolvedPath>> {
  try {
    await mkdir(folder ? resolved.host : dirname(resolved.host), { recursive: true });
    if (!folder) await writeFile(resolved.host, '', { flag: 'wx' });
  } catch (cause) {
    const code = errorCode(cause);
    if (code !== 'ENOTDIR' && code !== 'EEXIST' && code !== 'ELOOP') throw cause;
    return err(noMountPoint(at, 'Something that is no folder is in the way.'));
  }
  if (resolved.layer.kind === 'private') {
    draft.points.push({ path: resolved.host.slice(draft.privateFolder.length + 1), folder });
  }
  return ok(resolved);
}

/**
 * Replaces a folder of the root tree by a folder of our own with the same entries mounted one by one, so that a mount
 * point can be made among them.
 */
async function expand(draft: Draft, layer: Layer): Promise<boolean> {
  if (!(await lstat(layer.host)).isDirectory()) return false;
  if ((await readdir(layer.host)).length > MAX_EXPANDED) return false;
  // In the same position: what the caller has mounted meanwhile stays on top.
  draft.layers.splice(draft.layers.indexOf(layer), 1, ...(await placeEntries(draft, layer.host, layer.at)));
  return true;
}

/** A private folder that the caller's mounts leave uncovered; one more where they cover all. */
async function parkingOf(draft: Draft): Promise<Layer> {
  const open = draft.layers.find(
    (layer) => layer.kind === 'private' && layerAt(draft.layers, layer.at) === layer,
  );
  if (open !== undefined) return open;
  const layer: Layer = { at: `/${OLD_ROOT}`, host: join(draft.privateFolder, 'parking'), kind: 'private' };
  await mkdir(join(draft.root, OLD_ROOT));
  await mkdir(layer.host, { recursive: true });
  draft.points.push({ path: 'parking', folder: true });
  draft.layers.push(layer);
  return layer;
}

/** Makes the private folders of one command and gives the layers as that command has them. */
export async function makePrivate(layout: Layout, run: string): Promise<readonly Layer[]> {
  for (const { path, folder } of layout.points) {
    const host = join(run, path);
    await mkdir(folder ? host : dirname(host), { recursive: true });
    if (!folder) await writeFile(host, '');
    // mkdir(2) takes the umask off.
    if (folder && !path.includes('/')) await chmod(host, STICKY);
  }
  return layout.layers.map((layer) =>
    layer.kind === 'private' ? { ...layer, host: privateHost(layout, layer, run) } : layer,
  );
}

export function privateHost(layout: Layout, layer: Layer, run: string): string {
  return join(run, layer.host.slice(layout.privateFolder.length));
}

function depth(path: string): number {
  return path.split('/').filter((name) => name !== '' && name !== '.').length;
}
