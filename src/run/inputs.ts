import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { unlessDeviceFailed } from '../domain/errno.ts';
import type { Sample } from '../domain/sample.ts';
import { digestFile } from '../store/digest.ts';

/** What of a suite's folder a script's outcome can depend on. */
export interface SampleInputs {
  /** Path in the suite → digest of the bytes: the script, the modules it imports, the files it reaches for. */
  readonly files: Readonly<Record<string, string>>;
  /** The sandbox shows the whole folder; otherwise the script alone. */
  readonly folder: boolean;
}

/** The folder of a file given by itself is shown and searched up to this size; `$HOME` is not copied for one script. */
const MAX_FILES = 2000;
const MAX_BYTES = 64 * 1024 * 1024;

/** A script with one of these may open any file of its suite by a name that it works out. */
const REACHES_FOR_FILES =
  /__file__|__path__|__spec__|__loader__|co_filename|getfile|argv\s*\[\s*0\s*\]|sys\.path|importlib|pkgutil|runpy|__import__|zipimport/;

interface File {
  readonly digest: string;
  /** What modules and files beside it may be called, going by its text. */
  readonly names: ReadonlySet<string>;
  readonly reaches: boolean;
}

/**
 * Finds the inputs of samples, reading every file once. Other samples of the suite are inputs only where a script names
 * them, so that a new sample leaves the results of the others valid; helper modules and data files are, as docs/samples.md
 * promises that they can be imported and read.
 */
export class Inputs {
  readonly #samples: ReadonlySet<string>;
  readonly #files = new Map<string, Promise<File>>();
  readonly #names = new Map<string, Promise<readonly string[]>>();
  readonly #trees = new Map<string, Promise<readonly string[] | undefined>>();

  constructor(samples: readonly Sample[]) {
    this.#samples = new Set(samples.map(({ file }) => file));
  }

  async of(sample: Sample): Promise<SampleInputs> {
    const limit = sample.given === 'file';
    const all = await this.#below(sample.suite, limit);
    const files = new Set([sample.file]);
    if (all !== undefined) await this.#follow(sample, all, files);
    const digests: Record<string, string> = {};
    for (const file of [...files].sort())
      digests[relative(sample.suite, file)] = (await this.#file(file)).digest;
    return { files: digests, folder: all !== undefined };
  }

  /** Adds what the files name, until nothing new comes. Modules are looked for beside the script: `sys.path[0]`. */
  async #follow(sample: Sample, all: readonly string[], files: Set<string>): Promise<void> {
    const beside = await this.#namesIn(dirname(sample.file));
    for (const file of files) {
      const { names, reaches } = await this.#file(file);
      for (const name of beside.filter((one) => names.has(one.split('.', 1)[0] as string))) {
        const path = join(dirname(sample.file), name);
        const below = all.filter((one) => one === path || one.startsWith(`${path}/`));
        for (const one of below) files.add(one);
      }
      if (reaches) for (const one of all) if (!this.#samples.has(one)) files.add(one);
    }
  }

  #file(file: string): Promise<File> {
    return remembered(this.#files, file, async () => {
      try {
        return this.#samples.has(file) || file.endsWith('.py')
          ? await readScript(file)
          : await readData(file);
      } catch (error) {
        // A file that we may not read the script may not read either: it runs as the same user.
        if (this.#samples.has(file) || (error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
        return { digest: 'not readable', names: new Set(), reaches: false };
      }
    });
  }

  #namesIn(folder: string): Promise<readonly string[]> {
    return remembered(this.#names, folder, () => readdir(folder));
  }

  #below(suite: string, limit: boolean): Promise<readonly string[] | undefined> {
    return remembered(this.#trees, `${limit}:${suite}`, async () => {
      const budget = limit ? { files: MAX_FILES, bytes: MAX_BYTES } : { files: Infinity, bytes: Infinity };
      const found: string[] = [];
      return (await walk(suite, found, budget)) ? found.sort() : undefined;
    });
  }
}

async function readScript(file: string): Promise<File> {
  const bytes = await readFile(file);
  // Latin-1 takes any encoding, and names come out right where they are ASCII.
  const text = bytes.toString('latin1');
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { digest: `sha256:${digest}`, names: namesIn(text), reaches: REACHES_FOR_FILES.test(text) };
}

async function readData(file: string): Promise<File> {
  return { digest: (await digestFile(file)).digest, names: new Set(), reaches: false };
}

/** Words of import statements, and short strings: what a module or a file beside the script may be called. */
function namesIn(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [line] of text.matchAll(/^.*\bimport\b.*$/gm)) {
    for (const [word] of line.matchAll(/[A-Za-z_]\w*/g)) names.add(word);
  }
  for (const [, path] of text.matchAll(/['"]([\w./-]{1,100})['"]/g)) {
    for (const part of (path as string).split('/')) names.add(part.split('.', 1)[0] as string);
  }
  return names;
}

/** Regular files below a folder, links to files included; false when the budget is spent. */
async function walk(
  folder: string,
  found: string[],
  budget: { files: number; bytes: number },
): Promise<boolean> {
  for (const entry of await entriesOf(folder)) {
    if (entry.name.startsWith('.') || entry.name === '__pycache__') continue;
    const path = join(folder, entry.name);
    budget.files -= 1;
    if (budget.files < 0) return false;
    if (entry.isDirectory()) {
      if (!(await walk(path, found, budget))) return false;
      continue;
    }
    const info = await stat(path).catch(unlessDeviceFailed(undefined));
    if (info?.isFile() !== true) continue;
    budget.bytes -= info.size;
    if (budget.bytes < 0) return false;
    found.push(path);
  }
  return true;
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return [];
    throw error;
  }
}

function remembered<T>(memory: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const present = memory.get(key);
  if (present !== undefined) return present;
  const made = make();
  memory.set(key, made);
  return made;
}
