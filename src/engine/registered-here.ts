import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ElfKind } from './emulation.ts';
import { magicOf } from './registration.ts';

/** Where the kernel shows what a machine has registered (the kernel's admin-guide). */
export const BINFMT_MISC = '/proc/sys/fs/binfmt_misc';

/**
 * The interpreter that the machine has registered for a kind of programs, as sandboxes can use it: opened at registration
 * (`F`), for its file is in none of their roots.
 */
export async function hostInterpreter(kind: ElfKind, folder = BINFMT_MISC): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  if ((await read(join(folder, 'status'))) !== 'enabled') return undefined;
  for (const name of names.filter((one) => one !== 'register' && one !== 'status')) {
    const entry = parseEntry(await read(join(folder, name)));
    if (entry?.flags.includes('F') === true && matches(entry, kind)) return entry.interpreter;
  }
  return undefined;
}

interface Entry {
  readonly interpreter: string;
  readonly flags: string;
  readonly magic: Buffer;
  readonly mask: Buffer | undefined;
}

/** The text of an enabled entry that compares the beginning of files. */
export function parseEntry(text: string): Entry | undefined {
  const lines = text.split('\n');
  const field = (name: string) =>
    lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? '';
  const flags = lines.find((line) => line.startsWith('flags:'))?.slice('flags:'.length) ?? '';
  if (lines[0] !== 'enabled' || field('offset') !== '0' || field('magic') === '') return undefined;
  return {
    interpreter: field('interpreter'),
    flags: flags.trim(),
    magic: Buffer.from(field('magic'), 'hex'),
    mask: field('mask') === '' ? undefined : Buffer.from(field('mask'), 'hex'),
  };
}

/** Whether programs of a kind begin as an entry asks. */
function matches({ magic, mask }: Entry, kind: ElfKind): boolean {
  const program = magicOf(kind).magic;
  return (
    magic.length <= program.length &&
    magic.every((byte, index) => (((program[index] ?? 0) ^ byte) & (mask?.[index] ?? 0xff)) === 0)
  );
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
}
