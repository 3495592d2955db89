import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readElf } from '../bundle/elf.ts';
import type { Mount } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { exists } from '../exec/files.ts';
import type { ServerClient } from '../run/server/observe.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import { digestFile } from '../store/digest.ts';

/**
 * This machine's interpreter in the sandbox of another program: its root is below a folder there, so its own dynamic linker is
 * called by its path and told where its libraries are (ld.so(8), `--library-path`). `home` is the tool's own folder.
 */
export async function serverClient(home: string, interpreter: RuntimeInstance): Promise<ServerClient> {
  const script = join(home, 'src', 'run', 'server', 'client.py');
  const prefix = interpreter.mounts.find(({ at }) => at === PATHS.interpreter) as Mount & { source: string };
  const [program] = interpreter.command;
  const elf = await readElf(join(prefix.source, 'bin', basename(program)));
  const linker = elf?.interpreter;
  if (linker === undefined) throw new Error(`${program} has no dynamic linker`);
  const at = {
    root: `${PATHS.client}/root`,
    python: `${PATHS.client}/python`,
    script: `${PATHS.client}/client.py`,
  };
  const libraries = await libraryFolders(interpreter.rootfs);
  const beside = await findFile(interpreter.rootfs, libraries, basename(linker));
  return {
    mounts: [
      { kind: 'tree', source: interpreter.rootfs, at: at.root },
      { ...prefix, at: at.python },
      { kind: 'source', source: script, at: at.script },
    ],
    command: [
      // The place that programs name may be an absolute link, which would lead to the linker of the other program's root.
      join(at.root, beside ?? linker),
      ...['--library-path', libraries.map((folder) => `${at.root}/${folder}`).join(':')],
      ...[`${at.python}/bin/${basename(program)}`, '-SB', at.script],
    ],
    env: { PYTHONHOME: at.python },
    key: { interpreter: interpreter.key, script: (await digestFile(script)).digest },
  };
}

/** The path, relative to `root`, of a file in the first of `folders` that has it. */
async function findFile(root: string, folders: readonly string[], name: string): Promise<string | undefined> {
  for (const folder of folders) if (await exists(join(root, folder, name))) return join(folder, name);
  return undefined;
}

/** Folders of a root that have a C library, relative to it. */
async function libraryFolders(root: string): Promise<readonly string[]> {
  const names = await readdir(join(root, 'usr', 'lib'));
  const folders = ['usr/lib', ...names.map((name) => `usr/lib/${name}`)];
  const found = await Promise.all(
    folders.map(async (folder) => ((await exists(join(root, folder, 'libc.so.6'))) ? folder : [])),
  );
  return found.flat();
}
