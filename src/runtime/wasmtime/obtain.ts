import { basename } from 'node:path';
import type { Context } from '../../domain/context.ts';
import type { ImageDefinition, RuntimeDefinition, WasmSettings } from '../../domain/definitions.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { StoredTree } from '../../domain/stored-tree.ts';
import type { Engine, Mount } from '../../engine/engine.ts';
import type { Json, Store } from '../../store/store.ts';
import { obtainLauncher } from './launcher.ts';
import { locateWasmtime } from './locate.ts';
import { obtainLibrary } from './wheel.ts';

/** A wasmtime, as a sandbox sees it. */
export interface Wasmtime {
  readonly version: string;
  /** Path of the program in the sandbox. */
  readonly program: string;
  readonly mounts: readonly Mount[];
  /** Distinguishes this wasmtime from any other. */
  readonly key: Json;
  /** It was there before. */
  readonly hit: boolean;
  /** One sentence: which one, and why. */
  readonly why: string;
}

export interface WasmtimeInput {
  readonly definition: RuntimeDefinition;
  readonly settings: WasmSettings;
  readonly image: ImageDefinition;
  readonly toolchain: StoredTree;
  readonly interpreter: StoredTree;
  readonly python: string;
  readonly rootfs: StoredTree;
  readonly engine: () => Promise<Result<Engine>>;
  readonly logs: string;
}

const PROGRAM_AT = '/opt/wasmtime';

/** The wasmtime that the recipe asks for: the locked one, prepared, or the one of the machine. */
export async function obtainWasmtime(
  context: Context,
  store: Store,
  input: WasmtimeInput,
): Promise<Result<Wasmtime>> {
  if (input.settings.wasmtime === 'path') return fromPath(context, input.definition);
  const library = await obtainLibrary(context, store, input);
  if (!library.ok) return library;
  const launcher = await obtainLauncher(context, store, { ...input, library: library.value });
  if (!launcher.ok) return launcher;
  const { folder, fingerprint, meta, hit } = launcher.value;
  return ok({
    version: meta.version,
    program: `${PROGRAM_AT}/${meta.program}`,
    mounts: [{ kind: 'tree', source: folder, at: PROGRAM_AT }],
    key: { launcher: fingerprint },
    hit,
    why: `wasmtime ${meta.version}, the locked one`,
  });
}

async function fromPath(context: Context, definition: RuntimeDefinition): Promise<Result<Wasmtime>> {
  const located = await locateWasmtime(context, definition);
  if (!located.ok) return located;
  const { file, library, version, digest } = located.value;
  const program = `${PROGRAM_AT}/wasmtime`;
  return ok({
    version,
    program,
    mounts: [
      { kind: 'source', source: file, at: program },
      ...(library === undefined
        ? []
        : [{ kind: 'source', source: library, at: `${PROGRAM_AT}/${basename(library)}` } as const]),
    ],
    key: { program: digest },
    hit: true,
    why: `wasmtime ${version}, ${file} of this machine`,
  });
}

/** Options of `wasmtime compile` and `wasmtime run` that change the code which is generated: equal in both. */
export function codeOptions(settings: WasmSettings): readonly string[] {
  const options = [
    `max-wasm-stack=${settings.stack}`,
    ...(settings.fuel === undefined ? [] : [`fuel=${settings.fuel}`]),
    ...(settings.timeoutSeconds === undefined
      ? []
      : [`timeout=${Math.round(settings.timeoutSeconds * 1000)}ms`]),
  ];
  return ['-W', options.join(',')];
}
