// Unpacks one archive with the program under test, with dpkg-deb and with GNU tar, and compares what they made of it.
import { spawn } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyFolderAttributes } from '../../src/archive/folder-attributes.ts';
import { Folders } from '../../src/archive/folders.ts';
import { Budget, DEFAULT_LIMITS } from '../../src/archive/limits.ts';
import { refusable } from '../../src/archive/refusal.ts';
import { unpackTar } from '../../src/archive/unpack-tar.ts';
import { distribution } from '../../src/distro/distribution.ts';
import type { OddArchive } from './odd-archives.ts';

export interface Verdict {
  /** Code of our failure; undefined: it was accepted. */
  readonly refused: string | undefined;
  readonly why: string;
  /** Who else accepts it. */
  readonly accepted: readonly ('dpkg-deb' | 'tar')[];
  /** Lines of the trees that differ, by who made the other one. */
  readonly differences: readonly string[];
}

const SECONDS = 20;

export async function compareUnpackers(place: string, archive: OddArchive): Promise<Verdict> {
  const [deb, data] = [join(place, 'package.deb'), join(place, 'data')];
  writeFileSync(deb, archive.deb);
  writeFileSync(data, archive.data);
  const [ours, theirs, tars] = ['ours', 'dpkg', 'tar'].map((name) => join(place, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [ours, theirs, tars]) mkdirSync(folder);
  const way = { none: [], gz: ['-z'], xz: ['-J'], zst: ['--zstd'] }[archive.compression];
  const [done, byDpkg, byTar] = await Promise.all([
    unpack(deb, ours),
    succeeds(['dpkg-deb', '-x', deb, theirs]),
    succeeds(['tar', ...way, '-p', '-xf', data, '-C', tars]),
  ]);
  const accepted = [...(byDpkg ? (['dpkg-deb'] as const) : []), ...(byTar ? (['tar'] as const) : [])];
  if (!done.ok)
    return { refused: done.error.code, why: done.error.why ?? done.error.what, accepted, differences: [] };
  const mine = tree(ours);
  const differences = accepted.flatMap((by) => {
    const other = tree(by === 'tar' ? tars : theirs);
    const both = new Set(mine.filter((line) => other.includes(line)));
    return [
      ...mine.filter((line) => !both.has(line)).map((line) => `ours: ${line}`),
      ...other.filter((line) => !both.has(line)).map((line) => `${by}: ${line}`),
    ];
  });
  return { refused: undefined, why: '', accepted, differences };
}

async function unpack(file: string, root: string) {
  const found = await refusable(file, async () => distribution.openPackage('package.deb', file));
  if (!found.ok) return found;
  const folders = new Folders(root);
  const budget = new Budget(DEFAULT_LIMITS, Budget.counters());
  const options = { archive: 'package.deb', folders, excludes: () => false, budget };
  const done = await unpackTar(found.value, options, new AbortController().signal);
  if (done.ok) applyFolderAttributes(root, done.value.attributes, folders.takeMade());
  return done;
}

/** With the limits and the umask of a user; what a program says is of no interest. */
function succeeds(command: readonly string[]): Promise<boolean> {
  const script = 'umask 022; ulimit -f 100000; exec timeout -s KILL "$0" "$@"';
  return new Promise((resolve) => {
    spawn('sh', ['-c', script, String(SECONDS), ...command], { stdio: 'ignore' }).once('close', (status) =>
      resolve(status === 0),
    );
  });
}

/**
 * One line for each path. Modes are as the unpacker means to have them: no setuid and setgid, and the owner may read
 * files and use folders.
 */
function tree(root: string): string[] {
  const first = new Map<number, string>();
  const below = (folder: string): string[] =>
    readdirSync(join(root, folder))
      .sort()
      .flatMap((name) => {
        const path = join(folder, name);
        const info = lstatSync(join(root, path));
        const same = first.get(info.ino);
        first.set(info.ino, same ?? path);
        const mode = info.isDirectory() ? (info.mode & 0o1777) | 0o700 : (info.mode & 0o777) | 0o400;
        const line = `${JSON.stringify(path)} ${same === undefined || info.isDirectory() ? '' : `= ${same}`}`;
        if (info.isSymbolicLink()) return [`${line} → ${readlinkSync(join(root, path))}`];
        if (info.isDirectory()) return [`${line}/ ${mode.toString(8)}`, ...below(path)];
        if (!info.isFile()) return [`${line} special`];
        return [`${line} ${mode.toString(8)} ${JSON.stringify(readFileSync(join(root, path), 'latin1'))}`];
      });
  return below('');
}
