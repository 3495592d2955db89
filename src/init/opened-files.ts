import { statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { unlessDeviceFailed } from '../domain/errno.ts';

/** Places of a Rust source, or of Python in it, where the name of a file or folder stands that is opened. */
const OPENED = [
  /\b(?:read_to_string|read_dir|fs::read|File::open|Path::new|PathBuf::from|canonicalize|join)\(\s*&?\s*"([^"\\\n]+)"/g,
  /\b(?:open|Path|listdir|run_path)\(\s*\\?["']([^"'\\\n]+)\\?["']/g,
  /\b(?:const|static)\s+\w+\s*:\s*&(?:'static\s+)?str\s*=\s*"([^"\\\n]+)"/g,
];

/** What a program opens by names in its source, and what is there in `folder`: paths relative to it, sorted. */
export function openedFiles(folder: string, source: string): readonly string[] {
  const named = OPENED.flatMap((pattern) => [...source.matchAll(pattern)].map((found) => found[1] as string));
  const paths = named
    .map((name) => posix.normalize(name))
    .filter((path) => isInside(path) && isUsed(folder, path));
  const all = [...new Set(paths)].sort();
  // What lies in a folder of them is there with it.
  return all.filter(
    (path) => !all.some((other) => other !== path && path.startsWith(`${other.replace(/\/$/, '')}/`)),
  );
}

function isInside(path: string): boolean {
  return !posix.isAbsolute(path) && !['.', '..', ''].includes(path.split('/')[0] as string);
}

/** Sources, outputs and version control are nothing that a program is shipped with. */
function isUsed(folder: string, path: string): boolean {
  if (/^(?:src|target|artifacts|\.[^/]*)(?:\/|$)/.test(path)) return false;
  try {
    const info = statSync(join(folder, path));
    return info.isFile() || info.isDirectory();
  } catch (cause) {
    return unlessDeviceFailed(false)(cause);
  }
}
