import {
  chmodSync,
  lstatSync,
  lutimesSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { FIXED_TIME } from '../archive/folder-attributes.ts';
import { Folders } from '../archive/folders.ts';
import { conflict, Refusal, refusable } from '../archive/refusal.ts';
import { dropUnusedLinks, type RootLayout } from '../archive/root-layout.ts';
import type { TreeRules } from '../domain/packages.ts';
import type { Result } from '../domain/result.ts';

/** Increase it when the same rules give another tree. */
export const OVERLAY_VERSION = 1;

/** Mount points of sandboxes: they cannot be created later in a read-only root. */
const MOUNT_POINTS = ['proc', 'dev', 'sys', 'tmp', 'run', 'job'];

/**
 * Writes a definition's own links and files over the unpacked packages and creates the mount points; dangling links of the
 * layout are removed, and absolute ones made relative where that is asked for. Paths are resolved inside the root; an existing file or link is replaced, a folder is a failure
 * (`archive/conflict`). A file whose
 * text begins with `#!` is made executable. All times are fixed, so that the same rules give the same tree.
 */
export function overlay(
  root: string,
  name: string,
  rules: Omit<TreeRules, 'exclude'>,
  layout: RootLayout,
): Promise<Result<void>> {
  return refusable(root, async () => {
    const over = new Overlay(root, `The definition of ${name}`);
    if (rules.relativeLinks === true) over.relativeLinks(root, '');
    // Links of the definition are as they are written: they may lead to what is beside the tree.
    for (const [path, target] of sorted(rules.links)) over.link(path, target);
    for (const [path, text] of sorted(rules.files)) over.file(path, text);
    for (const path of MOUNT_POINTS) over.folder(path);
    dropUnusedLinks(root, layout);
    over.fixTimes();
  });
}

class Overlay {
  readonly #folders: Folders;
  readonly #source: string;
  readonly #touched: Set<string>;

  constructor(root: string, source: string) {
    this.#folders = new Folders(root);
    this.#source = source;
    this.#touched = new Set([root]);
  }

  link(path: string, target: string): void {
    const at = this.#vacate(path);
    symlinkSync(target, at);
    lutimesSync(at, FIXED_TIME, FIXED_TIME);
    // A link may now point elsewhere.
    this.#folders.forget();
  }

  file(path: string, text: string): void {
    const at = this.#vacate(path);
    writeFileSync(at, text, { flag: 'wx' });
    // Not affected by the process's umask.
    chmodSync(at, text.startsWith('#!') ? 0o755 : 0o644);
    utimesSync(at, FIXED_TIME, FIXED_TIME);
  }

  folder(path: string): void {
    this.#folders.make(this.#source, path);
  }

  /** Of the links in a folder of the root and all below it: `folder` is relative to the root and leads through no link. */
  relativeLinks(root: string, folder: string): void {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) this.relativeLinks(root, path);
      if (!entry.isSymbolicLink()) continue;
      const target = readlinkSync(join(root, path));
      if (!target.startsWith('/')) continue;
      this.link(path, relative(join('/', folder), target) || '.');
    }
  }

  fixTimes(): void {
    for (const path of [...this.#folders.takeMade(), ...this.#touched])
      utimesSync(path, FIXED_TIME, FIXED_TIME);
  }

  #vacate(path: string): string {
    const parts = Folders.parts(this.#source, path);
    const last = parts.pop();
    const parent = this.#folders.make(this.#source, parts.join('/'));
    const at = last === undefined ? parent : this.#folders.at(parent, last);
    const info = lstatSync(at, { throwIfNoEntry: false });
    if (last === undefined || info?.isDirectory()) {
      throw new Refusal(conflict(this.#source, path, 'A folder is there, which nothing may replace.'));
    }
    if (info) unlinkSync(at);
    this.#touched.add(parent);
    return at;
  }
}

function sorted(record: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
