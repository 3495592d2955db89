import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Failure } from '../../failure.ts';
import { wasmImports } from '../wasm/imports.ts';

/** The one module that runtimes of WASI preview 1 offer (WASI's preview1 documentation). */
const WASI = 'wasi_snapshot_preview1';
const SHOWN = 20;

/**
 * Whether a module for WASI imports nothing but WASI. rustc lets the linker turn every undefined symbol into an import,
 * and no runtime has it: what would be a failure at each start is one here.
 */
export async function checkModule(file: string, log: string): Promise<Failure | undefined> {
  const imports = wasmImports(await readFile(file));
  const name = basename(file);
  if (imports === undefined) {
    return {
      code: 'build/not-wasm',
      what: `The built ${name} is no WebAssembly module.`,
      fix: ["Check `target` in the recipe and the linker that the project's own .cargo/config.toml may set."],
      see: [log],
    };
  }
  const undefinedSymbols = imports.filter(({ module }) => module !== WASI);
  if (undefinedSymbols.length === 0) return undefined;
  const names = [...new Set(undefinedSymbols.map((one) => one.name))].sort();
  return {
    code: 'build/undefined-symbols',
    what: `The built ${name} has ${names.length} undefined symbol${names.length === 1 ? '' : 's'}: ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}.`,
    why: 'No library of the link has them; the linker made them imports, which no WASI runtime offers.',
    fix: [
      'Remove what needs them (WASI preview 1 has no threads, processes, sockets or shared libraries), or link the library that has them: `cargo:rustc-link-lib` in a build script.',
    ],
    evidence: undefinedSymbols
      .slice(0, SHOWN)
      .map(({ module, name: symbol }) => `import ${module}.${symbol}`),
    see: [log],
  };
}
