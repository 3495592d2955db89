import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ok, type Result } from '../domain/result.ts';
import type { ElfKind } from './emulation.ts';
import type { Engine } from './engine.ts';
import { magicOf } from './registration.ts';

/** Milliseconds; it ends at once, as it starts or not. */
const LIMIT_MS = 30_000;

/**
 * Whether the kernel hands programs of a kind to an emulator in the sandboxes of an engine as they are: by what the machine has
 * registered. Tried with a file that begins as such a program and goes no further: an emulator refuses it, the kernel does not
 * start it at all (execve(2), ENOEXEC). `folder`: a path where nothing is yet.
 */
export async function startsForeign(
  { open }: Pick<Engine, 'open'>,
  folder: string,
  elf: ElfKind,
): Promise<Result<boolean>> {
  await mkdir(folder, { recursive: true });
  const bytes = Buffer.alloc(64);
  magicOf(elf).magic.copy(bytes);
  await writeFile(join(folder, 'program'), bytes, { mode: 0o755 });
  const opened = await open({ rootfs: folder, mounts: [], network: 'none' });
  if (!opened.ok) return opened;
  await using sandbox = opened.value;
  const exit = await sandbox.run({ argv: ['/program'], env: {}, cwd: '/', timeoutMs: LIMIT_MS });
  if (!exit.ok) return exit.error.code === 'engine/command-not-found' ? ok(false) : exit;
  return ok(true);
}
