import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import type { PythonDistribution } from '../../domain/python.ts';
import { ok, type Result } from '../../domain/result.ts';
import { shellWord } from '../../domain/shell.ts';
import type { StoredTree } from '../../domain/stored-tree.ts';
import { PATHS } from '../../engine/paths.ts';
import type { Store } from '../../store/store.ts';
import { describePython } from '../python.ts';
import {
  BUILD_PATHS,
  openSourceSandbox,
  type SourceBuildContext,
  sourceEnvironment,
  TOOLS_FOLDER,
  takeOut,
} from './build-context.ts';
import { runScript } from './script.ts';

/** What CPython's own program is (its Programs/python.c). */
const PROGRAM =
  '#include <Python.h>\nint main(int count, char **words) { return Py_BytesMain(count, words); }\n';

/**
 * Links CPython's own program with a libpython that was built from source: `usr/bin/python3.13t`. Of a build that no package has it
 * is the reference of programs with the same libpython. `ground` has that, the C library and the other libraries.
 */
export async function linkInterpreter(
  context: Context,
  store: Store,
  buildContext: SourceBuildContext,
  ground: StoredTree,
): Promise<Result<StoredTree>> {
  const ready = await store.ready([ground.folder]);
  if (!ready.ok) return ready;
  const python = await describePython(ground.folder, buildContext.definition, buildContext.target);
  if (!python.ok) return python;
  const script = scriptOf(python.value);
  const inputs = {
    what: 'interpreter',
    ground: ground.fingerprint,
    toolchain: buildContext.toolchain.fingerprint,
    flags: buildContext.definition.compiler.flags,
    script,
  };
  return store.obtain<null>(
    'trees',
    inputs,
    (folder) => make(context, buildContext, ground, script, folder),
    { signal: context.signal, lazily: true, reads: [ground.folder] },
  );
}

function scriptOf(python: PythonDistribution): string {
  const { minor, abiflags, libName, libDir, link } = python;
  // Extension modules that are loaded later call functions of libpython.
  const whole = ['-Wl,--whole-archive', '-Wl,-Bstatic', `-l${libName}`, '-Wl,--no-whole-archive'];
  const libraries =
    link === undefined
      ? [`-l${libName}`, '-Wl,-rpath,$ORIGIN/../lib', '-Wl,--disable-new-dtags']
      : [
          ...whole,
          '-Wl,--start-group',
          ...link.libraries
            .slice(1)
            .flatMap(({ name, linkage }) => [
              `-Wl,-B${linkage === 'static' ? 'static' : 'dynamic'}`,
              `-l${name}`,
            ]),
          '-Wl,--end-group',
          '-Wl,-Bdynamic',
        ];
  const folders = [...(link?.folders ?? [libDir])].map((folder) => `-L${PATHS.sysroot}/${folder}`);
  return `phase program
cd ${BUILD_PATHS.build}
mkdir -p "$OUT/usr/bin"
printf %s ${shellWord(PROGRAM)} > program.c
"$CC" $CFLAGS -pthread -I${PATHS.sysroot}/usr/include/python${minor}${abiflags} program.c -Wl,--export-dynamic ${[...folders, ...libraries].map(shellWord).join(' ')} -o "$OUT/usr/bin/${libName}"
`;
}

async function make(
  context: Context,
  buildContext: SourceBuildContext,
  ground: StoredTree,
  script: string,
  folder: string,
): Promise<Result<null>> {
  const toolsFolder = join(folder, TOOLS_FOLDER);
  const sandbox = await openSourceSandbox(buildContext, { sources: {}, sysroot: ground.folder, toolsFolder });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const reported = await runScript(context, box, {
    stage: 'cpython',
    name: 'interpreter',
    script,
    env: sourceEnvironment(buildContext, context.settings.jobs),
    logs: buildContext.logs,
  });
  if (!reported.ok) return reported;
  const taken = await takeOut(box, folder);
  if (!taken.ok) return taken;
  await rm(toolsFolder, { recursive: true });
  return ok(null);
}
