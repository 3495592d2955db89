import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { Engine, Mount } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { runTool } from '../engine/tool.ts';
import type { BuildEnv, CompiledSources } from '../env/env.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import type { Store } from '../store/store.ts';
import { SCRIPT_ENV } from './cargo-home.ts';

/** Incremented when this stage's output for equal inputs changes. */
const OBJECTS_VERSION = 1;

export interface ObjectsInput {
  readonly toolchain: StoredTree;
  /** With the headers of the C library. */
  readonly sysroot: StoredTree;
  readonly env: Pick<BuildEnv, 'linked' | 'compiled'>;
}

/**
 * The C that is linked into every program, compiled, where a build sees it: nothing where there is none. It is the same for all
 * programs of a toolchain and a sysroot.
 */
export async function linkedObjects(
  context: Context,
  store: Store,
  engine: Engine,
  { toolchain, sysroot, env: { linked, compiled } }: ObjectsInput,
): Promise<Result<readonly Mount[]>> {
  if (compiled === undefined) return ok([]);
  const inputs = {
    ...{ what: 'linked objects', version: OBJECTS_VERSION },
    ...{ toolchain: toolchain.fingerprint, sysroot: sysroot.fingerprint },
    sources: { ...linked },
    compiler: [...compiled.compiler],
  };
  const made = await store.obtain<null>(
    'builds',
    inputs,
    (folder) => compile(context, { engine, toolchain, sysroot, linked, compiled, folder }),
    // Made faster than it is fetched.
    { signal: context.signal, local: true },
  );
  return made.ok ? ok([{ kind: 'tree', source: made.value.folder, at: PATHS.linked }]) : made;
}

interface Compilation extends Omit<ObjectsInput, 'env'> {
  readonly engine: Engine;
  readonly linked: BuildEnv['linked'];
  readonly compiled: CompiledSources;
  readonly folder: string;
}

async function compile(context: Context, input: Compilation): Promise<Result<null>> {
  return withTemporaryFolder(context.settings.store, 'linked', async (temporary) => {
    const sources = join(temporary, 'sources');
    await mkdir(sources);
    for (const [name, text] of Object.entries(input.linked)) await writeFile(join(sources, name), text);
    const opened = await input.engine.open({
      rootfs: input.toolchain.folder,
      network: 'none',
      mounts: [
        { kind: 'tree', source: input.sysroot.folder, at: PATHS.sysroot },
        { kind: 'source', source: sources, at: PATHS.env },
        { kind: 'scratch', at: PATHS.linked },
      ],
    });
    if (!opened.ok) return opened;
    await using box = opened.value;
    for (const [source, object] of Object.entries(input.compiled.objects)) {
      const run = await runTool(context, box, {
        stage: 'build',
        code: 'build/failed',
        doing: `Compiling ${source}`,
        fix: [
          'Run `provision clean --all` and try again; if it fails again, the toolchain or the sysroot is broken.',
        ],
        log: join(temporary, 'log'),
        command: {
          argv: [...input.compiled.compiler, '-c', `${PATHS.env}/${source}`, '-o', object],
          env: SCRIPT_ENV,
          cwd: '/',
        },
      });
      if (!run.ok) return run;
      const copied = await box.copyOut(object, join(input.folder, basename(object)));
      if (!copied.ok) return copied;
    }
    return ok(null);
  });
}
