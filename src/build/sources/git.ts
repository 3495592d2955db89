import { readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { SourceEntry } from './entries.ts';

/** As many links as are followed from one reference to the next: gitrepository-layout(5) has one in practice. */
const MAX_REFERENCES = 5;
/** A commit's name in SHA-1 or SHA-256. */
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;
/** A reference to a reference; git-check-ref-format(1) allows neither `..` nor control characters. */
const REFERENCE = /^ref: (refs\/[^\s~^:?*[\\]+)$/;

/**
 * What a build sees of a repository, whose `.git` is a folder or, in a work tree or submodule, a file: `HEAD`, the
 * branch that it names and, so that git takes the folder for a repository, an object store without objects. A packed
 * branch is shown as a file, so packing changes nothing. Undefined: it is no repository that can be read so
 * (gitrepository-layout(5)).
 */
export function gitEntries(dotGit: string, at: string): readonly SourceEntry[] | undefined {
  const folders = gitFolders(dotGit);
  if (folders === undefined) return undefined;
  const config = textOf(join(folders.common, 'config')) ?? '';
  if (/^\s*refstorage\s*=\s*reftable\s*$/im.test(config)) return undefined;
  const texts = new Map<string, string>();
  let name: string | undefined = 'HEAD';
  for (let step = 0; name !== undefined && step < MAX_REFERENCES; step += 1) {
    const text: string | undefined = referenceText(folders, name);
    // A branch without a commit.
    if (text === undefined && name !== 'HEAD') break;
    const next: string | undefined = text === undefined ? undefined : REFERENCE.exec(text)?.[1];
    if (text === undefined || (next === undefined && !COMMIT.test(text)) || next?.includes('..'))
      return undefined;
    texts.set(name, text);
    name = next;
  }
  const refs = [...texts.keys()].some((one) => one !== 'HEAD');
  return [
    ...[...texts].map(
      ([one, text]): SourceEntry => ({ kind: 'text', path: `${at}/${one}`, text: `${text}\n` }),
    ),
    { kind: 'text', path: `${at}/config`, text: configText(config) },
    { kind: 'folder', path: `${at}/objects` },
    ...(refs ? [] : [{ kind: 'folder', path: `${at}/refs` } as const]),
  ];
}

interface GitFolders {
  /** Of this work tree. */
  readonly own: string;
  /** Of all work trees of the repository. */
  readonly common: string;
}

function gitFolders(dotGit: string): GitFolders | undefined {
  const stats = statSync(dotGit, { throwIfNoEntry: false });
  const linked = stats?.isFile() === true ? /^gitdir: (.+)$/.exec(textOf(dotGit) ?? '')?.[1] : undefined;
  const own = stats?.isDirectory() === true ? dotGit : linked && resolve(dirname(dotGit), linked);
  if (own === undefined) return undefined;
  return { own, common: resolve(own, textOf(join(own, 'commondir')) ?? '.') };
}

function referenceText({ own, common }: GitFolders, name: string): string | undefined {
  const loose = textOf(join(own, name)) ?? (name === 'HEAD' ? undefined : textOf(join(common, name)));
  if (loose !== undefined || name === 'HEAD') return loose;
  for (const line of (textOf(join(common, 'packed-refs')) ?? '').split('\n')) {
    const [commit, packed] = line.split(' ');
    if (packed === name) return commit;
  }
  return undefined;
}

function configText(config: string): string {
  const sha256 = /^\s*objectformat\s*=\s*sha256\s*$/im.test(config);
  const core = `[core]\n\trepositoryformatversion = ${sha256 ? 1 : 0}\n\tbare = false\n`;
  return sha256 ? `${core}[extensions]\n\tobjectformat = sha256\n` : core;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined;
    throw cause;
  }
}
