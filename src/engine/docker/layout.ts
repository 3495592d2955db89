import {
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { defined } from '../../domain/defined.ts';
import { errorCode } from '../../domain/errno.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import type { Mount, PlacedEntry, SandboxSpec } from '../engine.ts';
import { mountSourceMissing, noMountPoint, rootMissing } from '../failures.ts';
import { isWithin } from '../paths.ts';
import { type Part, TREE } from './pack.ts';
import type { FolderSource } from './volumes.ts';

/** A mount whose content outlives commands. */
export interface Writable {
  readonly at: string;
  /** Absent: a scratch folder. */
  readonly volume?: string;
  /** A volume that is only read in this sandbox. */
  readonly readOnly?: boolean;
}

/** What a sandbox consists of, in terms of an engine. Paths `at` are of the sandbox, free of links. */
export interface Layout {
  /** Real path of the root tree. */
  readonly rootfs: string;
  /** What the sandbox's own image has beside the root tree: mount points, single files, the user's account. */
  readonly parts: readonly Part[];
  readonly folders: readonly (FolderSource & { readonly at: string })[];
  readonly writables: readonly Writable[];
  /** Folders that are empty at the start of each command. */
  readonly fresh: readonly Fresh[];
}

interface Fresh {
  readonly at: string;
  /** Of the user alone, as a folder on a disk is; others are for everybody. */
  readonly own: boolean;
}

const FRESH = ['/tmp', '/run', '/var/tmp'];

/** What a container engine makes itself. */
const MADE_BY_ENGINE = ['/', '/dev', '/proc', '/sys'];

/** As many links as the kernel follows: path_resolution(7). */
const MAX_LINKS = 40;

/** Works out a sandbox. Failures: `engine/rootfs-missing`, `engine/mount-source-missing`, `engine/no-mount-point`. */
export function makeLayout(spec: SandboxSpec, uid: number, gid: number): Result<Layout> {
  const rootfs = realFolder(spec.rootfs);
  if (rootfs === undefined) return err(rootMissing(spec.rootfs));
  const draft = new Draft(rootfs, uid, gid);
  // Outermost first: what lies in another mount is looked for there.
  const mounts = spec.mounts.map((mount) => ({
    ...mount,
    at: join('/', mount.at, '.').replace(/(.)\/$/, '$1'),
  }));
  mounts.sort((a, b) => a.at.split('/').length - b.at.split('/').length);
  draft.addFresh(mounts.map(({ at }) => at));
  for (const mount of mounts) {
    const problem = draft.mount(mount);
    if (problem !== undefined) return err(problem);
  }
  draft.addAccount();
  return ok(draft);
}

interface Mounted {
  readonly at: string;
  /** Folder of this machine whose content is there; absent: a writable mount. */
  readonly source?: string;
}

class Draft implements Layout {
  readonly rootfs: string;
  readonly parts: Part[] = [];
  readonly folders: (FolderSource & { readonly at: string })[] = [];
  readonly writables: Writable[] = [];
  readonly fresh: Fresh[] = [];
  readonly #mounted: Mounted[] = [];
  readonly #made = new Set<string>();
  readonly #uid: number;
  readonly #gid: number;

  constructor(rootfs: string, uid: number, gid: number) {
    this.rootfs = rootfs;
    this.#uid = uid;
    this.#gid = gid;
  }

  addFresh(wanted: readonly string[]): void {
    for (const at of FRESH) {
      // One that is a link leads to another of them.
      if (wanted.includes(at) || this.#resolved(at) !== at) continue;
      this.fresh.push({ at, own: false });
      this.#mounted.push({ at });
    }
  }

  mount(mount: Mount): Failure | undefined {
    if (MADE_BY_ENGINE.includes(mount.at) || isWithin(mount.at, '/proc')) {
      return noMountPoint(mount.at, 'That place is made by the engine itself.');
    }
    if (mount.kind === 'volume' || mount.kind === 'scratch') return this.#mountWritable(mount);
    const real = realPath(mount.source);
    if (!real.ok) return mountSourceMissing(mount.source, mount.at, real.error);
    const source = real.value;
    const folder = statSync(source).isDirectory();
    return folder ? this.#mountFolder(mount, source) : this.#mountFile(mount, source);
  }

  #mountWritable(mount: Extract<Mount, { kind: 'volume' | 'scratch' }>): Failure | undefined {
    const at = this.#resolved(mount.at);
    const outer = this.#outer(at);
    const problem = outer === undefined ? this.#point(at, true) : inside(outer, at);
    if (problem !== undefined) return problem;
    this.#mounted.push({ at });
    const entries = mount.kind === 'scratch' ? (mount.entries ?? []) : [];
    for (const entry of entries) this.#place(at, entry);
    if (mount.kind === 'scratch' && mount.temporary === true && entries.length === 0) {
      this.fresh.push({ at, own: true });
      return undefined;
    }
    const volume =
      mount.kind === 'volume' ? { volume: mount.name, ...defined({ readOnly: mount.readOnly }) } : {};
    this.writables.push({ at, ...volume });
    return undefined;
  }

  /** What lies at the place of a new volume is copied into it (Docker volumes, "Populate a volume using a container"). */
  #place(at: string, entry: PlacedEntry): void {
    const attributes = { ...TREE, uid: this.#uid, gid: this.#gid };
    const path = join(at, entry.path).slice(1);
    if (entry.kind === 'folder') this.parts.push({ kind: 'folder', path, mode: 0o755, attributes });
    else if (entry.kind === 'link') this.parts.push({ kind: 'link', path, target: entry.target, attributes });
    else {
      const mode = entry.executable ? 0o755 : 0o644;
      this.parts.push({ kind: 'host', path, source: realpathSync(entry.source), mode, attributes });
    }
  }

  #mountFolder(mount: Extract<Mount, { kind: 'tree' | 'source' }>, source: string): Failure | undefined {
    const at = this.#resolved(mount.at);
    const outer = this.#outer(at);
    const problem = outer === undefined ? this.#point(at, false) : inside(outer, at);
    if (problem !== undefined) return problem;
    const more = mount.kind === 'source' ? defined({ without: mount.without, again: mount.again }) : {};
    const folder = { kind: mount.kind, source, at, ...more };
    this.folders.push(folder);
    this.#mounted.push(folder);
    return undefined;
  }

  /** A single file becomes part of the sandbox's own image: volumes are folders. */
  #mountFile(mount: Extract<Mount, { kind: 'tree' | 'source' }>, source: string): Failure | undefined {
    const at = this.#resolved(mount.at);
    const outer = this.#outer(at);
    if (outer !== undefined) {
      return noMountPoint(mount.at, `It lies in ${outer.at}, where this engine can place folders only.`);
    }
    const there = this.#stat(at);
    if (there?.isDirectory())
      return noMountPoint(mount.at, 'A folder is there, and a file is to be mounted.');
    this.#parents(at);
    const kept = { uid: this.#uid, gid: this.#gid, mtime: 'kept' } as const;
    this.parts.push({
      kind: 'host',
      path: at.slice(1),
      source,
      attributes: mount.kind === 'tree' ? TREE : kept,
    });
    return undefined;
  }

  /** passwd(5) and group(5) know the user, so that programs which ask for a name get one. */
  addAccount(): void {
    const [uid, gid] = [this.#uid, this.#gid];
    this.#addLine('/etc/passwd', uid, `user:x:${uid}:${gid}::/tmp:/bin/sh`);
    this.#addLine('/etc/group', gid, `user:x:${gid}:`);
  }

  #addLine(at: string, id: number, line: string): void {
    const file = join(this.rootfs, at);
    const text = lstatSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file, 'utf8') : '';
    if (text.split('\n').some((entry) => entry.split(':')[2] === String(id))) return;
    this.#parents(at);
    const ended = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    this.parts.push({ kind: 'text', path: at.slice(1), text: `${ended}${line}\n`, attributes: TREE });
  }

  /** Makes a folder to mount on, where the root tree has none. */
  #point(at: string, writable: boolean): Failure | undefined {
    const there = this.#stat(at);
    if (there !== undefined && !there.isDirectory()) {
      return noMountPoint(at, 'A file is there, and a folder is to be mounted.');
    }
    const file = this.#fileAbove(at);
    if (file !== undefined) return noMountPoint(at, `The root tree has a file at ${file}.`);
    if (!writable) {
      if (there === undefined) this.#folder(at, 0, 0);
      return undefined;
    }
    // A fresh volume takes owner and content of what it is mounted on (Docker volumes, "Populate a volume using a container").
    if (there !== undefined && readdirSync(join(this.rootfs, at)).length > 0) {
      return noMountPoint(at, 'The root tree has files there, and a writable folder is to be empty.');
    }
    this.#folder(at, this.#uid, this.#gid);
    return undefined;
  }

  #folder(at: string, uid: number, gid: number): void {
    this.#parents(at);
    this.#made.add(at);
    this.parts.push({ kind: 'folder', path: at.slice(1), mode: 0o755, attributes: { ...TREE, uid, gid } });
  }

  #parents(at: string): void {
    const parent = dirname(at);
    if (parent === '/' || this.#made.has(parent) || this.#stat(parent) !== undefined) return;
    this.#folder(parent, 0, 0);
  }

  /** A part of the path that is no folder. */
  #fileAbove(at: string): string | undefined {
    const parent = dirname(at);
    if (parent === at) return undefined;
    const there = this.#stat(parent);
    return there === undefined || there.isDirectory() ? this.#fileAbove(parent) : parent;
  }

  #outer(at: string): Mounted | undefined {
    return this.#mounted.findLast((one) => one.at !== at && isWithin(at, one.at));
  }

  /** The same path with the links of the root tree resolved; what does not exist stays as it is. */
  #resolved(at: string, links = MAX_LINKS): string {
    const parent = dirname(at);
    if (parent === at) return at;
    const folder = this.#resolved(parent, links);
    const path = join(folder, at.slice(parent.length));
    if (links === 0 || !this.#stat(path)?.isSymbolicLink()) return path;
    // An absolute link leads to the root of the sandbox, also where nothing is there yet.
    return this.#resolved(resolve(folder, readlinkSync(join(this.rootfs, path))), links - 1);
  }

  /** Undefined when nothing is there. */
  #stat(at: string): Stats | undefined {
    try {
      return lstatSync(join(this.rootfs, at), { throwIfNoEntry: false });
    } catch (cause) {
      // A part of the path is a file.
      if (errorCode(cause) === 'ENOTDIR') return undefined;
      throw cause;
    }
  }
}

/** Whether a folder can be mounted inside another mount. */
function inside(outer: Mounted, at: string): Failure | undefined {
  // The engine makes the mount point there.
  if (outer.source === undefined) return undefined;
  const there = lstatSync(join(outer.source, at.slice(outer.at.length)), { throwIfNoEntry: false });
  if (there?.isDirectory()) return undefined;
  return noMountPoint(at, `It lies in what is mounted read-only at ${outer.at}, which has no such folder.`);
}

function realFolder(path: string): string | undefined {
  const real = realPath(path);
  return real.ok && statSync(real.value).isDirectory() ? real.value : undefined;
}

/** The error is a code of the system. */
function realPath(path: string): Result<string, string> {
  try {
    return ok(realpathSync(path));
  } catch (cause) {
    const code = errorCode(cause);
    if (code === undefined || !['ENOENT', 'ENOTDIR', 'EACCES'].includes(code)) throw cause;
    return err(code);
  }
}
