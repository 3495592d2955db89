// The operations of a file system that passes everything on to a folder.

import { spawnSync } from 'node:child_process';
import {
  type BigIntStats,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import {
  attrReply,
  entryReply,
  initReply,
  namesIn,
  type OpName,
  openReply,
  type Request,
  ROOT_ID,
  readdirReply,
  statfsReply,
  writeReply,
} from './wire.ts';

type Handle = { readonly node: number } & (
  | { readonly descriptor: number }
  | { readonly names: readonly string[] }
);

/** Flags that the kernel has dealt with already, or that must not keep another handle from reading. */
const OPEN_FLAGS = ~(
  constants.O_CREAT |
  constants.O_EXCL |
  constants.O_NOCTTY |
  constants.O_TRUNC |
  constants.O_APPEND
);
const [SET_MODE, SET_UID, SET_GID, SET_SIZE, SET_ATIME, SET_MTIME, SET_ATIME_NOW, SET_MTIME_NOW] = [
  1, 2, 4, 8, 16, 32, 128, 256,
];

/** What each operation answers; it throws what the operating system refuses. */
export class PassedFiles {
  /** Paths below the folder, in latin1: a character for each byte. */
  readonly #paths = new Map<number, string>([[ROOT_ID, '']]);
  readonly #nodes = new Map<string, number>([['', ROOT_ID]]);
  readonly #handles = new Map<number, Handle>();
  readonly #folder: string;
  readonly #caseless: boolean;
  #next = ROOT_ID + 1;

  constructor(folder: string, caseless: boolean) {
    this.#folder = Buffer.from(folder, 'utf8').toString('latin1');
    this.#caseless = caseless;
  }

  readonly operations: Readonly<Partial<Record<OpName, (request: Request) => Buffer | undefined>>> = {
    init: () => initReply(),
    lookup: ({ node, body }) => this.#entry(this.#below(node, body, 0)),
    getattr: ({ node }) => attrReply(this.#stats(node)),
    setattr: (request) => this.#setAttributes(request),
    readlink: ({ node }) => readlinkSync(this.#at(this.#path(node)), { encoding: 'buffer' }),
    symlink: ({ node, body }) => {
      const [, target = ''] = namesIn(body, 0);
      const path = this.#below(node, body, 0);
      symlinkSync(Buffer.from(target, 'latin1'), this.#at(path));
      return this.#entry(path);
    },
    mknod: ({ node, body }) => this.#makeNode(this.#below(node, body, 16), body.readUInt32LE(0)),
    mkdir: ({ node, body }) => {
      const path = this.#below(node, body, 8);
      mkdirSync(this.#at(path));
      chmodSync(this.#at(path), body.readUInt32LE(0) & ~body.readUInt32LE(4) & 0o7777);
      return this.#entry(path);
    },
    unlink: ({ node, body }) => this.#gone(this.#below(node, body, 0), unlinkSync),
    rmdir: ({ node, body }) => this.#gone(this.#below(node, body, 0), rmdirSync),
    rename: (request) => this.#rename(request, 8),
    rename2: (request) => this.#rename(request, 16),
    link: ({ node, body }) => {
      const path = this.#below(node, body, 8);
      linkSync(this.#at(this.#path(Number(body.readBigUInt64LE(0)))), this.#at(path));
      return this.#entry(path);
    },
    open: ({ node, body }) => {
      const descriptor = openSync(this.#at(this.#path(node)), body.readUInt32LE(0) & OPEN_FLAGS);
      return openReply(this.#handle({ node, descriptor }));
    },
    create: (request) => this.#create(request),
    read: ({ body }) => {
      const bytes = Buffer.alloc(body.readUInt32LE(16));
      const { descriptor } = this.#file(body);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, Number(body.readBigUInt64LE(8))));
    },
    write: ({ body }) => {
      const bytes = body.subarray(40, 40 + body.readUInt32LE(16));
      const { descriptor } = this.#file(body);
      return writeReply(writeSync(descriptor, bytes, 0, bytes.length, Number(body.readBigUInt64LE(8))));
    },
    statfs: () => statfsReply(statfsSync(this.#at(''))),
    release: ({ body }) => {
      closeSync(this.#file(body).descriptor);
      this.#handles.delete(Number(body.readBigUInt64LE(0)));
      return undefined;
    },
    fsync: ({ body }) => {
      fsyncSync(this.#file(body).descriptor);
      return undefined;
    },
    flush: () => undefined,
    opendir: ({ node }) => {
      const names = readdirSync(this.#at(this.#path(node)), { encoding: 'latin1' });
      return openReply(this.#handle({ node, names: ['.', '..', ...names] }));
    },
    readdir: ({ body }) => {
      const handle = this.#handles.get(Number(body.readBigUInt64LE(0)));
      const names = handle !== undefined && 'names' in handle ? handle.names : [];
      return readdirReply(names, Number(body.readBigUInt64LE(8)), body.readUInt32LE(16));
    },
    releasedir: ({ body }) => {
      this.#handles.delete(Number(body.readBigUInt64LE(0)));
      return undefined;
    },
  };

  #at(path: string): Buffer {
    return Buffer.from(path === '' ? this.#folder : `${this.#folder}/${path}`, 'latin1');
  }

  #path(node: number): string {
    const path = this.#paths.get(node);
    if (path === undefined) throw Object.assign(new Error('no such node'), { errno: -116 }); // ESTALE
    return path;
  }

  #below(node: number, body: Buffer, offset: number): string {
    const folder = this.#path(node);
    const [name = ''] = namesIn(body, offset);
    return this.#under(folder, name);
  }

  /** Without case, the name is that of what is there. */
  #under(folder: string, given: string): string {
    const lower = given.toLowerCase();
    const name = this.#caseless
      ? readdirSync(this.#at(folder), { encoding: 'latin1' }).find((one) => one.toLowerCase() === lower)
      : undefined;
    return folder === '' ? (name ?? given) : `${folder}/${name ?? given}`;
  }

  #entry(path: string): Buffer {
    const stats = lstatSync(this.#at(path), { bigint: true });
    return entryReply(this.#node(path), stats);
  }

  #node(path: string): number {
    const known = this.#nodes.get(path);
    if (known !== undefined) return known;
    const node = this.#next++;
    this.#nodes.set(path, node);
    this.#paths.set(node, path);
    return node;
  }

  #handle(handle: Handle): number {
    const number = this.#next++;
    this.#handles.set(number, handle);
    return number;
  }

  #file(body: Buffer): { readonly descriptor: number } {
    const handle = this.#handles.get(Number(body.readBigUInt64LE(0)));
    if (handle === undefined || !('descriptor' in handle))
      throw Object.assign(new Error('no handle'), { errno: -9 });
    return handle;
  }

  /** Of a file without a name by a handle that is still open. */
  #stats(node: number): BigIntStats {
    const path = this.#paths.get(node);
    if (path !== undefined && this.#nodes.get(path) === node)
      return lstatSync(this.#at(path), { bigint: true });
    for (const handle of this.#handles.values()) {
      if (handle.node === node && 'descriptor' in handle)
        return fstatSync(handle.descriptor, { bigint: true });
    }
    return lstatSync(this.#at(this.#path(node)), { bigint: true });
  }

  #gone(path: string, remove: (path: Buffer) => void): undefined {
    remove(this.#at(path));
    this.#nodes.delete(path);
  }

  #rename({ node, body }: Request, offset: number): undefined {
    const [oldName = '', newName = ''] = namesIn(body, offset);
    const from = this.#under(this.#path(node), oldName);
    const to = this.#under(this.#path(Number(body.readBigUInt64LE(0))), newName);
    renameSync(this.#at(from), this.#at(to));
    this.#nodes.delete(to);
    for (const [path, moved] of [...this.#nodes]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      const now = `${to}${path.slice(from.length)}`;
      this.#nodes.delete(path);
      this.#nodes.set(now, moved);
      this.#paths.set(moved, now);
    }
  }

  #makeNode(path: string, mode: number): Buffer {
    if ((mode & constants.S_IFMT) === constants.S_IFIFO) {
      const { status } = spawnSync('mkfifo', [this.#at(path).toString('utf8')]);
      if (status !== 0) throw Object.assign(new Error('mkfifo'), { errno: -1 });
    } else closeSync(openSync(this.#at(path), 'wx', mode & 0o7777));
    chmodSync(this.#at(path), mode & 0o7777);
    return this.#entry(path);
  }

  #create({ node, body }: Request): Buffer {
    const path = this.#below(node, body, 16);
    const flags = (body.readUInt32LE(0) & OPEN_FLAGS) | constants.O_CREAT | constants.O_EXCL;
    const mode = body.readUInt32LE(4) & ~body.readUInt32LE(8) & 0o7777;
    const descriptor = openSync(this.#at(path), flags, mode);
    const entry = this.#entry(path);
    return Buffer.concat([entry, openReply(this.#handle({ node: this.#node(path), descriptor }))]);
  }

  #setAttributes({ node, body }: Request): Buffer {
    const path = this.#at(this.#path(node));
    const valid = body.readUInt32LE(0);
    if (valid & SET_MODE) chmodSync(path, body.readUInt32LE(68) & 0o7777);
    if (valid & (SET_UID | SET_GID)) {
      const now = this.#stats(node);
      const uid = valid & SET_UID ? body.readUInt32LE(76) : Number(now.uid);
      chownSync(path, uid, valid & SET_GID ? body.readUInt32LE(80) : Number(now.gid));
    }
    if (valid & SET_SIZE) this.#truncate(node, path, Number(body.readBigUInt64LE(16)));
    if (valid & (SET_ATIME | SET_MTIME)) this.#setTimes(node, path, body);
    return attrReply(this.#stats(node));
  }

  #truncate(node: number, path: Buffer, size: number): void {
    const open = [...this.#handles.values()].find((one) => one.node === node && 'descriptor' in one);
    if (open !== undefined && 'descriptor' in open) {
      try {
        ftruncateSync(open.descriptor, size);
        return;
      } catch {
        // That one is open for reading only.
      }
    }
    truncateSync(path, size);
  }

  #setTimes(node: number, path: Buffer, body: Buffer): void {
    const valid = body.readUInt32LE(0);
    const now = this.#stats(node);
    const time = (given: number, current: number, seconds: number, nanos: number, kept: bigint): number => {
      if (valid & current) return Date.now() / 1000;
      if (!(valid & given)) return Number(kept) / 1e9;
      return Number(body.readBigUInt64LE(seconds)) + body.readUInt32LE(nanos) / 1e9;
    };
    lutimesSync(
      path,
      time(SET_ATIME, SET_ATIME_NOW, 32, 56, now.atimeNs),
      time(SET_MTIME, SET_MTIME_NOW, 40, 60, now.mtimeNs),
    );
  }
}
