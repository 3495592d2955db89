import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import type { ImageDefinition } from '../domain/definitions.ts';
import type { PythonDistribution } from '../domain/python.ts';
import { ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { Engine } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { runTool } from '../engine/tool.ts';
import { interpreterProgram } from '../runtime/reference.ts';
import { verifyAll } from '../store/sound.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import { addLandmark, copyStdlib } from './stdlib.ts';

const BYTECODE_VERSION = 2;
const OWN_VERSION = 1;

export interface BytecodeInput {
  /** The interpreter that compiles; `tree` is its root. */
  readonly interpreter: ImageDefinition;
  readonly tree: { readonly folder: string; readonly fingerprint: string };
  /** `usr/lib/python3.13`. */
  readonly stdlib: string;
  /** `3.13`. */
  readonly minor: string;
  readonly engine: () => Promise<Result<Engine>>;
  readonly logs: string;
}

/** Folders of the entry. */
export type BytecodeMeta = {
  /** `.pyc` files laid out as the standard library, without `__pycache__` folders. */
  readonly stdlib: string;
  /** The interpreter with its compiled standard library, laid out as a prefix: `bin/`, `lib/`. */
  readonly home: string;
};

export type Bytecode = StoreEntry<BytecodeMeta>;

/**
 * Compiles the standard library of this machine's interpreter, as the packages' own maintainer scripts would. `.pyc` files do
 * not depend on the architecture (PEP 3147); `unchecked-hash` (PEP 552) ones do not depend on modification times either, so
 * the bundle takes them too.
 */
export async function compileStdlib(
  context: Context,
  store: Store,
  input: BytecodeInput,
): Promise<Result<Bytecode>> {
  const inputs = {
    what: 'bytecode',
    version: BYTECODE_VERSION,
    interpreter: input.tree.fingerprint,
    stdlib: input.stdlib,
    prefix: PATHS.interpreter,
  };
  return store.obtain<BytecodeMeta>('builds', inputs, (folder) => compile(context, store, input, folder), {
    signal: context.signal,
    ...{ lazily: true, reads: [input.tree.folder] },
  });
}

/** One process, fixed order and hash seed: marshal's output depends on what the process compiled before. */
const SCRIPT = `import compileall, py_compile, sys
done = compileall.compile_dir(sys.argv[1], quiet=1, workers=1, force=True,
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
sys.exit(0 if done else 1)
`;

async function compile(
  context: Context,
  store: Store,
  input: BytecodeInput,
  folder: string,
): Promise<Result<BytecodeMeta>> {
  // What is compiled is shipped.
  const sound = await store.verify(input.tree.folder);
  if (!sound.ok) return sound;
  const engine = await input.engine();
  if (!engine.ok) return engine;
  await mkdir(input.logs, { recursive: true });
  const log = join(input.logs, 'bytecode.log');
  await writeFile(log, '');
  const sandbox = await engine.value.open({
    rootfs: input.tree.folder,
    network: 'none',
    mounts: [
      { kind: 'tree', source: join(input.tree.folder, 'usr'), at: PATHS.interpreter },
      { kind: 'scratch', at: PATHS.bytecode },
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const stdlib = interpreterPath(input.stdlib);
  const run = await runTool(context, box, {
    stage: 'bytecode',
    code: 'build/bytecode',
    doing: 'Compiling the standard library',
    fix: ['Run `provision clean --all` and try again; if it fails again, the reference image is broken.'],
    log,
    command: {
      argv: [interpreterProgram(input.interpreter), '-S', '-c', SCRIPT, stdlib],
      env: { PYTHONPYCACHEPREFIX: PATHS.bytecode, PYTHONHASHSEED: '0', LANG: 'C.UTF-8', HOME: '/tmp' },
      cwd: '/',
    },
  });
  if (!run.ok) return run;
  const copied = await box.copyOut(PATHS.bytecode + stdlib, join(folder, 'stdlib'));
  if (!copied.ok) return copied;
  await layOutHome(input, input.tree.folder, join(folder, 'stdlib'), join(folder, 'home'));
  return ok({ stdlib: 'stdlib', home: 'home' });
}

/**
 * The prefix of an interpreter of another architecture, with the bytecode of the files that both have: compiling it there
 * would have to be emulated.
 */
export function layOutReference(
  context: Context,
  store: Store,
  input: Pick<BytecodeInput, 'interpreter' | 'tree' | 'stdlib' | 'minor'> & {
    readonly reference: { readonly folder: string; readonly fingerprint: string };
    readonly bytecode: Bytecode;
  },
): Promise<Result<StoreEntry<null>>> {
  const { reference, bytecode } = input;
  const inputs = {
    what: 'reference home',
    reference: reference.fingerprint,
    bytecode: bytecode.fingerprint,
  };
  const compiled = join(bytecode.folder, bytecode.meta.stdlib);
  const copied = [input.tree, reference, bytecode];
  return store.obtain<null>(
    'builds',
    inputs,
    async (folder) => {
      const sound = await verifyAll(store, copied);
      if (!sound.ok) return sound;
      await layOutHome(input, reference.folder, compiled, folder);
      return ok(null);
    },
    { signal: context.signal, lazily: true, reads: copied.map((one) => one.folder) },
  );
}

/**
 * The prefix of the interpreter that was built with a program's own libpython: a free-threaded one, which no package has. `root` is
 * the sysroot.
 */
export function layOutOwnInterpreter(
  context: Context,
  store: Store,
  { python, root }: { readonly python: PythonDistribution; readonly root: StoredTree },
): Promise<Result<StoreEntry<null>>> {
  const inputs = {
    what: 'own interpreter',
    version: OWN_VERSION,
    sysroot: root.fingerprint,
    stdlib: python.stdlib,
  };
  const make = async (folder: string): Promise<Result<null>> => {
    const sound = await store.verify(root.folder);
    return sound.ok ? copyOwn(python, root.folder, folder) : sound;
  };
  return store.obtain<null>('builds', inputs, make, {
    signal: context.signal,
    ...{ lazily: true, reads: [root.folder] },
  });
}

async function copyOwn(python: PythonDistribution, root: string, home: string): Promise<Result<null>> {
  const program = join('bin', python.libName);
  await mkdir(join(home, 'bin'), { recursive: true });
  await copyFile(join(root, 'usr', program), join(home, program));
  const library = join(root, python.stdlib);
  const to = join(home, python.stdlib.replace(/^usr\//, ''));
  const bytecode = join(root, python.bytecode ?? '');
  const { extensions } = await copyStdlib({ python, sysroot: root, bytecode, compiledFrom: library, to });
  if (extensions.length === 0) await addLandmark(home, python);
  if (python.linkage === 'dynamic')
    for (const name of await readdir(join(root, python.libDir)))
      if (name.startsWith(`lib${python.libName}.so`))
        await copyFile(join(root, python.libDir, name), join(home, 'lib', name));
  return ok(null);
}

/** The result of the maintainer scripts: the interpreter, and the bytecode beside each module. */
async function layOutHome(
  input: Pick<BytecodeInput, 'interpreter' | 'tree' | 'stdlib' | 'minor'>,
  root: string,
  bytecode: string,
  home: string,
): Promise<void> {
  const program = join('bin', input.interpreter.tools.python ?? 'python3');
  await mkdir(join(home, 'bin'), { recursive: true });
  await copyFile(join(root, 'usr', program), join(home, program));
  await copyStdlib({
    python: { stdlib: input.stdlib, minor: input.minor },
    sysroot: root,
    bytecode,
    compiledFrom: join(input.tree.folder, input.stdlib),
    to: join(home, input.stdlib.replace(/^usr\//, '')),
  });
}

/** The sandbox path of a file below the tree's `usr`, which is mounted as the interpreter's prefix. */
function interpreterPath(path: string): string {
  return `${PATHS.interpreter}/${path.replace(/^usr\//, '')}`;
}
