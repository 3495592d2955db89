import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { absentAsUndefined } from '../domain/errno.ts';
import { parseToml, tableAt, textAt } from './toml.ts';

/** What a project pins for rustup (The rustup book, "Overrides"). */
export interface RustPin {
  readonly file: string;
  /** e.g. `stable`, `1.85`, `nightly-2026-01-01`; absent where a folder is named. */
  readonly channel?: string;
  /** Folder of a toolchain of one's own, as written. */
  readonly path?: string;
  /** It cannot be read here; rustup may read it otherwise. */
  readonly unreadable?: true;
}

/** The pin that rustup would find in a folder: the nearest `rust-toolchain` or `rust-toolchain.toml` from there upwards. */
export async function rustPin(folder: string): Promise<RustPin | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    for (const name of ['rust-toolchain', 'rust-toolchain.toml']) {
      const file = join(at, name);
      const text = await readFile(file, 'utf8').catch(absentAsUndefined);
      if (text !== undefined) return readPin(file, text);
    }
    if (at === dirname(at)) return undefined;
  }
}

function readPin(file: string, text: string): RustPin | undefined {
  const words = text.trim();
  // The old format: one line with the toolchain's name.
  if (file.endsWith('rust-toolchain') && /^[^\s[=]+$/.test(words)) {
    return words.startsWith('/') ? { file, path: words } : { file, channel: words };
  }
  const parsed = parseToml(text);
  if (!parsed.ok) return { file, unreadable: true };
  const toolchain = tableAt(parsed.value, 'toolchain');
  const [channel, path] = [textAt(toolchain, 'channel'), textAt(toolchain, 'path')];
  if (path !== undefined) return { file, path };
  return channel === undefined ? undefined : { file, channel };
}

/**
 * Whether a Rust is what a pin asks for. `release` is rustc's, e.g. `1.85.1`; a host triple behind a channel says nothing of
 * the version.
 */
export function satisfiesPin(release: string, { channel }: RustPin): boolean {
  const [, name, date] =
    /^(stable|beta|nightly|\d+(?:\.\d+){1,2})(-\d{4}-\d\d-\d\d)?(?:-|$)/.exec(channel ?? '') ?? [];
  if (name === undefined || date !== undefined) return false;
  if (name === 'stable') return /^\d+(\.\d+)+$/.test(release);
  if (name === 'beta' || name === 'nightly') return release.endsWith(`-${name}`);
  return release === name || release.startsWith(`${name}.`);
}
