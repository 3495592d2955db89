import { readSections, SECTION } from './module.ts';
import { type Import, readImports } from './sections.ts';

/** What a module imports, in order; undefined when the bytes are no WebAssembly module of version 1. */
export function wasmImports(bytes: Uint8Array): readonly Pick<Import, 'module' | 'name'>[] | undefined {
  const sections = readSections(bytes);
  if (sections === undefined) return undefined;
  const section = sections.find(({ id }) => id === SECTION.import);
  return section === undefined
    ? []
    : readImports(section.payload).map(({ module, name }) => ({ module, name }));
}
