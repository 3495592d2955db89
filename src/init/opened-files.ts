import { statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { unlessDeviceFailed } from '../domain/errno.ts';
import { leadsInside } from '../domain/stated-path.ts';

/** Strings of Rust. What a macro includes at build time is nothing that is opened later. */
const STRINGS = /\binclude(?:_str|_bytes)?!\s*\([^)]*\)|\bb?r(#*)"([\s\S]*?)"\1|"((?:\\[\s\S]|[^"\\])*)"/g;
/** Strings of Python, in those of Rust. */
const QUOTED = /'([^'\n]+)'|"([^"\n]+)"/g;

/** Where the name of a folder stands that is looked into, or of a file in one. */
const FOLDERS = [
  /\b(?:read_dir|set_current_dir|Path::new|PathBuf::from|WalkDir::new|canonicalize|join|unwrap_or)\(\s*&?\s*"([^"\\\n]+)"/g,
  /\b(?:Path|listdir|scandir|walk|chdir|iterdir|join)\(\s*\\?["']([^"'\\\n]+)\\?["']/g,
];
/** Where the name of a file stands that may be made: its folder has to be there. */
const WRITTEN = [
  /\b(?:fs::write|File::create(?:_new)?|Path::new|PathBuf::from|open)\(\s*&?\s*"([^"\\\n]+)"/g,
  /\b(?:open|Path)\(\s*\\?["']([^"'\\\n]+)\\?["']/g,
];

/**
 * What a program finds in `folder` by names in its source: files that are named in any string, folders that it looks into or
 * makes files in. Paths relative to `folder`, sorted.
 */
export function openedFiles(folder: string, source: string): readonly string[] {
  const usable = (paths: readonly string[]) => paths.map((path) => posix.normalize(path)).filter(isUsable);
  const files = usable(namesIn(source)).filter((path) => kindOf(folder, path) === 'file');
  const folders = usable([
    ...found(source, FOLDERS),
    ...found(source, WRITTEN).map((path) => posix.dirname(path)),
  ]).filter((path) => kindOf(folder, path) === 'folder');
  const all = [...new Set([...files, ...folders.map((path) => path.replace(/\/$/, ''))])].sort();
  // What lies in a folder of them is there with it.
  return all.filter((path) => !all.some((other) => path.startsWith(`${other}/`)));
}

/** Whatever may be the name of a file: strings, strings of Python in them, addresses of SQLite. */
function namesIn(source: string): readonly string[] {
  const strings = [...source.matchAll(STRINGS)].flatMap(([, , raw, plain]) => raw ?? unescaped(plain) ?? []);
  const inner = strings.flatMap((text) =>
    [...text.matchAll(QUOTED)].map(([, one, other]) => (one ?? other) as string),
  );
  return [...strings, ...inner].map((text) => text.replace(/^file:([^?]*)(?:\?.*)?$/, '$1'));
}

function unescaped(text: string | undefined): string | undefined {
  return text?.replaceAll(/\\(["'\\])/g, '$1');
}

function found(source: string, patterns: readonly RegExp[]): readonly string[] {
  return patterns.flatMap((pattern) => [...source.matchAll(pattern)].map(([, path]) => path as string));
}

/** Sources in Rust, outputs and version control are nothing that a program is shipped with. */
function isUsable(path: string): boolean {
  if (!leadsInside(path) || path.length > 200 || path.includes('\n') || path.endsWith('.rs')) return false;
  return !/^(?:src\/?$|(?:target|artifacts|\.git|\.provision)(?:\/|$))/.test(path);
}

function kindOf(folder: string, path: string): 'file' | 'folder' | undefined {
  try {
    const info = statSync(join(folder, path));
    return info.isFile() ? 'file' : info.isDirectory() ? 'folder' : undefined;
  } catch (cause) {
    return unlessDeviceFailed(undefined)(cause);
  }
}
