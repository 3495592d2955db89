import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { unlessDeviceFailed } from '../domain/errno.ts';

/** A module that Rust imports by its name, or that Python in the source imports. */
const IMPORTS = /\.import(?:_bound)?\(\s*(?:\w+,\s*)?c?"([A-Za-z]\w*)|\b(?:import|from)\s+([A-Za-z]\w*)/g;

/** Folders of a crate that hold no modules which a program imports. */
const OTHERS =
  /^(?:\.|src$|target$|samples$|tests$|benches$|examples$|artifacts$|node_modules$|__pycache__$)/;

/** The folders of a crate, by their names, that hold modules which its program imports by the Rust source of it. */
export function pythonPaths(crate: string, source: string): readonly string[] {
  const names = new Set([...source.matchAll(IMPORTS)].map(([, rust, python]) => (rust ?? python) as string));
  return foldersIn(crate).filter((folder) => {
    const at = join(crate, folder);
    const packages = foldersIn(at).filter((name) => names.has(name) && holdsModules(join(at, name)));
    return packages.length > 0 || namesIn(at).some((name) => isModule(name) && names.has(name.slice(0, -3)));
  });
}

function foldersIn(folder: string): readonly string[] {
  const entries = entriesOf(folder).filter((entry) => entry.isDirectory() && !OTHERS.test(entry.name));
  return entries.map(({ name }) => name).sort();
}

function namesIn(folder: string): readonly string[] {
  return entriesOf(folder).map(({ name }) => name);
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    return unlessDeviceFailed([])(cause);
  }
}

function holdsModules(folder: string): boolean {
  return namesIn(folder).some(isModule);
}

function isModule(name: string): boolean {
  return name.endsWith('.py');
}
