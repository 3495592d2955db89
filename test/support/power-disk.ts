// A disk whose power can be cut after the fact: all that was written to it is in a log, and a cut is an image of what may
// be on it at a moment. What was written before the last flush is there; of what came later, anything may be missing, and
// the last of it may be torn. Source: Documentation/block/writeback_cache_control.rst of Linux.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { REPOSITORY } from './cli.ts';
import type { Dice } from './odd-archives.ts';

export type FileSystem = 'ext4' | 'xfs' | 'btrfs';

/** XFS takes none below 300 MB. Bytes. */
const DISK = 448 << 20;
/** Bytes that a disk writes whole or not at all: XFS, for one, does not recover from less of a block. */
const SECTOR = 4096;
const FLUSH = 0xffff_ffff_ffff_ffffn;
const OPTIONS: Readonly<Record<FileSystem, readonly string[]>> = {
  ext4: ['-q', '-F'],
  xfs: ['-q', '-f'],
  btrfs: ['-q', '-f'],
};
const PROGRAMS = [
  'nbdkit',
  'nbdfuse',
  'losetup',
  'mount',
  'unshare',
  ...Object.keys(OPTIONS).map((one) => `mkfs.${one}`),
];

/** Why no power can be cut here; undefined where it can. */
export function whyNoPowerCuts(): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting needs root';
  if (!existsSync('/dev/fuse') || !existsSync('/dev/loop-control'))
    return 'there is no /dev/fuse or /dev/loop-control';
  const missing = PROGRAMS.filter((one) => run('sh', ['-c', 'command -v "$0" || true', one]) === '');
  if (missing.length > 0) return `missing: ${missing.join(', ')}`;
  try {
    run('nbdkit', ['python', '--dump-plugin']);
  } catch {
    return 'nbdkit lacks its plugin for Python';
  }
}

export function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

/** Whether a file system can be mounted: one that its own recovery gives up holds nothing any more, right or wrong. */
export function mounts(type: FileSystem, image: string, at: string): boolean {
  // XFS takes no second file system of one UUID while another mount namespace still has the first.
  const options = type === 'xfs' ? 'loop,nouuid' : 'loop';
  return spawnSync('mount', ['-t', type, '-o', options, image, at]).status === 0;
}

/** Runs `work` on a new file system, given where it is mounted, and returns the log of its disk. */
export async function logged(
  place: string,
  type: FileSystem,
  work: (mounted: string) => void,
): Promise<DiskLog> {
  const [image, start, log] = [join(place, 'image'), join(place, 'start'), join(place, 'log')];
  writeFileSync(start, '');
  truncateSync(start, DISK);
  run(`mkfs.${type}`, [...OPTIONS[type], start]);
  copySparse(start, image);
  writeFileSync(log, '');
  const [fuse, mounted] = [join(place, 'fuse'), join(place, 'mounted')];
  for (const folder of [fuse, mounted]) mkdirSync(folder);
  const plugin = join(REPOSITORY, 'test', 'support', 'logged-disk.py');
  const server = ['nbdkit', '-s', 'python', plugin, `image=${image}`, `log=${log}`];
  const child = spawn('nbdfuse', [join(fuse, 'disk'), '--command', ...server], { stdio: 'inherit' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    while (!existsSync(join(fuse, 'disk')) && child.exitCode === null) await sleep(20);
    const loop = run('losetup', ['--find', '--show', join(fuse, 'disk')]);
    try {
      run('mount', [loop, mounted]);
      try {
        work(mounted);
      } finally {
        run('umount', [mounted]);
      }
    } finally {
      run('losetup', ['--detach', loop]);
    }
  } finally {
    // The loop device lets go of it a moment later.
    run('umount', ['--lazy', fuse]);
    await ended;
  }
  return new DiskLog(start, log);
}

interface Operation {
  /** Where its bytes are in the log; undefined: a flush. */
  readonly from: number | undefined;
  readonly offset: number;
  readonly length: number;
}

export class DiskLog {
  readonly operations: readonly Operation[];
  readonly #log: number;
  /** What is certain at the last cut. */
  readonly #certain: string;
  #applied = 0;

  constructor(start: string, log: string) {
    this.#certain = start;
    this.#log = openSync(log, 'r');
    this.operations = readOperations(this.#log, statSync(log).size);
  }

  /** Writes what may be on the disk when its power is cut before an operation; not before that of the last call. */
  cut(before: number, image: string, dice: Dice): void {
    const last = this.operations.slice(0, before).findLastIndex(({ from }) => from === undefined);
    const certain = openSync(this.#certain, 'r+');
    for (; this.#applied < last; this.#applied += 1)
      this.#write(certain, this.operations[this.#applied] as Operation);
    closeSync(certain);
    copySparse(this.#certain, image);
    const percent = dice.of([100, 0, 50, 90, 10]);
    const disk = openSync(image, 'r+');
    const later = this.operations.slice(Math.max(last, 0), before);
    for (const operation of later) if (dice.chance(percent)) this.#write(disk, operation);
    const torn = this.operations[before];
    if (torn !== undefined)
      this.#write(disk, {
        ...torn,
        length: Math.min(torn.length, dice.below(Math.ceil(torn.length / SECTOR) + 1) * SECTOR),
      });
    closeSync(disk);
  }

  close(): void {
    closeSync(this.#log);
  }

  #write(disk: number, { from, offset, length }: Operation): void {
    if (from === undefined || length === 0) return;
    const bytes = Buffer.alloc(length);
    readSync(this.#log, bytes, 0, length, from);
    writeSync(disk, bytes, 0, length, offset);
  }
}

function readOperations(log: number, size: number): Operation[] {
  const operations: Operation[] = [];
  const head = Buffer.alloc(12);
  for (let at = 0; at < size; ) {
    readSync(log, head, 0, head.length, at);
    const [offset, length] = [head.readBigUInt64LE(0), head.readUInt32LE(8)];
    at += head.length;
    operations.push(
      offset === FLUSH
        ? { from: undefined, offset: 0, length: 0 }
        : { from: at, offset: Number(offset), length },
    );
    at += length;
  }
  return operations;
}

function copySparse(from: string, to: string): void {
  run('cp', ['--sparse=always', from, to]);
}
