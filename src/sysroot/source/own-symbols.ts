import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { StoredTree } from '../../domain/stored-tree.ts';
import { PATHS } from '../../engine/paths.ts';
import { onDisk } from '../../store/disk.ts';
import type { Store } from '../../store/store.ts';
import {
  openSourceSandbox,
  type SourceBuildContext,
  sourceEnvironment,
  TOOLS_FOLDER,
  takeOut,
} from './build-context.ts';
import { layUnder } from './compose.ts';
import { runScript } from './script.ts';

/**
 * Renames what a static libpython has of other projects (mimalloc, libmpdec, HACL) and functions of its own modules: every
 * global name without CPython's prefix. Crates bring the same libraries in versions of their own, and a static program has
 * one function of each name. Names with two underscores in front are the compiler's.
 */
const SCRIPT = String.raw`cd "$SYSROOT"
mkdir -p "$OUT/usr/lib"
for archive in usr/lib/libpython*.a; do
  [ -f "$archive" ] && [ ! -L "$archive" ] || continue
  # Objects of WebAssembly are of another format, which objcopy cannot rename in.
  "$READELF" -h "$archive" 2> /dev/null | grep -q '^ELF Header' || continue
  "$READELF" -sW "$archive" |
    sed -nE 's/^ *[0-9]+: [0-9a-f]+ +(0x)?[0-9a-f]+ [A-Z]+ +(GLOBAL|WEAK) +[A-Z]+ +(\[[^]]*\] +)?([0-9]+|COM|ABS) ([A-Za-z0-9_]+)$/\5/p' |
    grep -vE '^_?Py|^__|^main$' | sort -u | sed 's/.*/& _Py_inside_&/' > "$OUT/names"
  say "renamed $(wc -l < "$OUT/names")"
  "$OBJCOPY" --redefine-syms="$OUT/names" "$archive" "$OUT/$archive"
  rm "$OUT/names"
done
`;

export type OwnSymbolsMeta = { readonly renamed: number };

/** A CPython whose static library can be linked beside any other: the same tree, with that library in place of its own. */
export async function keepOwnSymbols(
  context: Context,
  store: Store,
  buildContext: SourceBuildContext,
  cpython: StoredTree,
): Promise<Result<StoredTree>> {
  const inputs = {
    what: 'own-symbols',
    cpython: cpython.fingerprint,
    toolchain: buildContext.toolchain.fingerprint,
    script: SCRIPT,
  };
  return store.obtain<OwnSymbolsMeta>(
    'trees',
    inputs,
    (folder) => make(context, store, buildContext, cpython, folder),
    { signal: context.signal, lazily: true, reads: [cpython.folder] },
  );
}

async function make(
  context: Context,
  store: Store,
  buildContext: SourceBuildContext,
  cpython: StoredTree,
  folder: string,
): Promise<Result<OwnSymbolsMeta>> {
  const sound = await store.verify(cpython.folder);
  if (!sound.ok) return sound;
  const toolsFolder = join(folder, TOOLS_FOLDER);
  const sandbox = await openSourceSandbox(buildContext, {
    sources: {},
    sysroot: cpython.folder,
    toolsFolder,
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const { objcopy = 'objcopy' } = buildContext.tools;
  const reported = await runScript(context, box, {
    stage: 'cpython',
    name: 'symbols',
    script: SCRIPT,
    env: {
      ...sourceEnvironment(buildContext, context.settings.jobs),
      ...{ SYSROOT: PATHS.sysroot, OBJCOPY: `/usr/bin/${objcopy}` },
    },
    logs: buildContext.logs,
  });
  if (!reported.ok) return reported;
  const taken = await takeOut(box, folder);
  if (!taken.ok) return taken;
  await rm(toolsFolder, { recursive: true });
  const laid = await onDisk(folder, () => layUnder(cpython.folder, folder));
  if (!laid.ok) return laid;
  const counts = reported.value.get('renamed') ?? [];
  return ok({ renamed: counts.reduce((sum, count) => sum + Number(count), 0) });
}
