import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type {
  IndexRequirement,
  PathWheel,
  PythonProject,
  PythonSelection,
} from '../domain/python-packages.ts';
import type { Failure, SourcePosition } from '../failure.ts';
import type { PackageEnvironment } from './environment.ts';

/** A wheel by path before the ones that fit are chosen. */
export interface NamedWheel extends Omit<PathWheel, 'digest' | 'name' | 'version'> {
  /** Digests that it must have one of; none: any. */
  readonly hashes: readonly string[];
}

/** What the sources of packages state for one environment, while they are read. */
export class Collected {
  readonly environment: PackageEnvironment;
  readonly index: IndexRequirement[] = [];
  readonly constraints: IndexRequirement[] = [];
  readonly wheels: NamedWheel[] = [];
  readonly projects: PythonProject[] = [];
  readonly options: string[] = [];
  readonly files: string[] = [];
  readonly failures: Failure[] = [];

  constructor(environment: PackageEnvironment) {
    this.environment = environment;
  }

  fail(failure: Failure): void {
    // A file that two sources name is read twice.
    const text = JSON.stringify([failure.code, failure.what, failure.at]);
    if (this.failures.every(({ code, what, at }) => JSON.stringify([code, what, at]) !== text))
      this.failures.push(failure);
  }

  done(wheels: readonly PathWheel[]): PythonSelection {
    const { index, projects, constraints, options, files } = this;
    return { index, wheels, projects, constraints, options, files };
  }
}

export interface PathEntry {
  readonly path: string;
  readonly extras: readonly string[];
  readonly hashes: readonly string[];
  readonly at: SourcePosition;
}

const SDIST = /\.(tar\.(gz|bz2|xz)|tgz|zip)$/;

/** Whether a word names a file or a folder, as pip tells it from the name of a package. */
export function isPath(word: string): boolean {
  const bare = word.replace(/\[[^\]]*\]$/, '');
  return (
    /^(\.{0,2}\/|file:|\.{1,2}$)/.test(bare) || /\.whl$/.test(bare) || SDIST.test(bare) || bare.includes('/')
  );
}

/** A path, `file:` address or nothing: what follows the name of a file in a requirement, and its extras. */
export function readPath(
  text: string,
  folder: string,
): { readonly path: string; readonly extras: readonly string[] } {
  const [, bare = text, extras = ''] = /^(.*?)(?:\[([^\]]*)\])?$/.exec(text) ?? [];
  const names = extras
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  if (!bare.startsWith('file:')) return { path: resolve(folder, bare), extras: names };
  const plain = bare.replace(/#.*$/, '');
  return {
    path: plain.startsWith('file://') ? fileURLToPath(plain) : join(folder, plain.slice('file:'.length)),
    extras: names,
  };
}

/** Adds a wheel, a source distribution or a project's folder, by what its name says. */
export function addPath(collected: Collected, { path, extras, hashes, at }: PathEntry): void {
  if (path.endsWith('.whl')) collected.wheels.push({ file: path, extras, hashes, at });
  else collected.projects.push({ path, kind: SDIST.test(path) ? 'archive' : 'folder', extras, at });
}
