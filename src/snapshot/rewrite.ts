import {
  number,
  readSections,
  SECTION,
  type Section,
  signed,
  writeSections,
} from '../runtime/wasm/module.ts';
import {
  END,
  type Export,
  F32_CONST,
  F64_CONST,
  type Global,
  I32_CONST,
  I64_CONST,
  KIND,
  readExports,
  readGlobals,
  readImports,
  readSegments,
  withPages,
  writeExports,
  writeGlobals,
} from '../runtime/wasm/sections.ts';

/** Names of Wizer's conventions: the function that initialises the program, and the one that continues from there. */
export const INITIALIZE = 'wizer.initialize';
export const RESUME = 'wizer.resume';
const START = '_start';
const GLOBAL_PREFIX = 'provision.global.';
const PAGE = 65_536;

/** The state of a module once it has been initialised. */
export interface InitializedState {
  readonly memory: Uint8Array;
  /** Name that the instrumented module exports a global by → its value: a number, or an integer as text. */
  readonly globals: Readonly<Record<string, number | string>>;
}

/** Why a module cannot be snapshotted. */
export interface Unsupported {
  readonly unsupported: string;
}

/** The module with every mutable global exported, so that they can be read after it has run. */
export function instrument(module: Uint8Array): Uint8Array | Unsupported {
  const sections = readSections(module);
  if (sections === undefined) return { unsupported: 'it is no WebAssembly module' };
  const contents = contentsOf(sections);
  const unsupported = whyUnsupported(sections, contents);
  if (unsupported !== undefined) return { unsupported };
  const added = contents.globals.flatMap((global, index): Export[] =>
    global.mutable
      ? [{ name: `${GLOBAL_PREFIX}${index}`, kind: KIND.global, index: index + contents.imported.globals }]
      : [],
  );
  return writeSections(
    sections.map((section) =>
      section.id === SECTION.export
        ? { ...section, payload: writeExports([...contents.exports, ...added]) }
        : section,
    ),
  );
}

/** The original module, beginning at the state: its memory as data, its globals as they were, `_start` going on from it. */
export function rewrite(module: Uint8Array, state: InitializedState): Uint8Array | Unsupported {
  const sections = readSections(module);
  if (sections === undefined) return { unsupported: 'it is no WebAssembly module' };
  const contents = contentsOf(sections);
  const resume = contents.exports.find((one) => one.name === RESUME);
  if (resume === undefined) return { unsupported: `it does not export \`${RESUME}\`` };
  const exports = contents.exports
    .filter(({ name }) => name !== INITIALIZE && name !== RESUME)
    .map((one) => (one.name === START ? { ...one, index: resume.index } : one));
  const globals = contents.globals.map((global, index) => {
    const value = state.globals[`${GLOBAL_PREFIX}${index}`];
    return value === undefined ? global : { ...global, value: constant(global.type, value) };
  });
  const segments = dataOf(state.memory, deadStack(contents, globals));
  const payloads = new Map<number, Uint8Array>([
    [SECTION.export, writeExports(exports)],
    [SECTION.global, writeGlobals(globals)],
    [SECTION.data, segments.payload],
    [SECTION.dataCount, new Uint8Array(number(segments.count))],
  ]);
  return writeSections(
    sections.map((section) => {
      if (section.id === SECTION.memory)
        return { ...section, payload: withPages(section.payload, state.memory.length / PAGE) };
      const payload = payloads.get(section.id);
      return payload === undefined ? section : { ...section, payload };
    }),
  );
}

interface ModuleContents {
  readonly exports: readonly Export[];
  readonly globals: readonly Global[];
  /** How many are imported: they come first in their numbering. */
  readonly imported: { readonly globals: number; readonly memories: number };
  readonly data: Uint8Array;
}

function contentsOf(sections: readonly Section[]): ModuleContents {
  const payload = (id: number): Uint8Array =>
    sections.find((section) => section.id === id)?.payload ?? new Uint8Array([0]);
  const imports = readImports(payload(SECTION.import));
  const imported = (wanted: number): number => imports.filter(({ kind }) => kind === wanted).length;
  return {
    exports: readExports(payload(SECTION.export)),
    globals: readGlobals(payload(SECTION.global)),
    imported: { globals: imported(KIND.global), memories: imported(KIND.memory) },
    data: payload(SECTION.data),
  };
}

function whyUnsupported(
  sections: readonly Section[],
  { exports, globals, imported, data }: ModuleContents,
): string | undefined {
  const functions = exports.filter(({ kind }) => kind === KIND.function).map(({ name }) => name);
  for (const name of [INITIALIZE, RESUME, START])
    if (!functions.includes(name)) return `it does not export \`${name}\``;
  if (!exports.some(({ name, kind }) => kind === KIND.memory && name === 'memory'))
    return 'it exports no `memory`';
  if (imported.memories + imported.globals > 0) return 'it imports a memory or a global';
  if (sections.some(({ id }) => id === SECTION.start)) return 'it has a start function';
  if (globals.some(({ mutable, type }) => mutable && !(type in CONST)))
    return 'it has a global of an unknown type';
  if (readSegments(data).some(({ offset }) => offset === undefined))
    return 'it has data that is not loaded at the start, or at an offset that is computed';
  return undefined;
}

/** Type of a global → how its constants begin. */
const CONST: Readonly<Record<number, number>> = {
  127: I32_CONST,
  126: I64_CONST,
  125: F32_CONST,
  124: F64_CONST,
};

function constant(type: number, value: number | string): Uint8Array {
  const code = CONST[type] as number;
  if (code === I32_CONST || code === I64_CONST) return new Uint8Array([code, ...signed(BigInt(value)), END]);
  const bytes = code === F32_CONST ? Float32Array.of(Number(value)) : Float64Array.of(Number(value));
  return new Uint8Array([code, ...new Uint8Array(bytes.buffer), END]);
}

/**
 * Bytes at the beginning of the memory that hold nothing any more: where the linker puts the stack first (its pointer, the
 * first global, then begins below all data), what lies below the pointer was left behind by functions that have returned.
 */
function deadStack({ globals: before, data }: ModuleContents, after: readonly Global[]): number {
  const top = i32(before[0]);
  const now = i32(after[0]);
  if (top === undefined || now === undefined) return 0;
  return readSegments(data).every(({ offset }) => (offset ?? 0) >= top) && now <= top ? now : 0;
}

function i32(global: Global | undefined): number | undefined {
  if (global === undefined || !global.mutable || global.type !== 127 || global.value[0] !== I32_CONST)
    return undefined;
  let value = 0;
  let shift = 0;
  for (const byte of global.value.subarray(1)) {
    value |= (byte & 0x7f) << shift;
    shift += 7;
    if (byte < 0x80) break;
  }
  return value >>> 0;
}

/** A gap of zeros up to this size stays in a segment: beginning another costs about as much. */
const GAP = 16;

/** Data segments for everything in the memory that is not zero. */
function dataOf(memory: Uint8Array, from: number): { readonly payload: Uint8Array; readonly count: number } {
  const segments: Uint8Array[] = [];
  let at = from;
  while (at < memory.length) {
    at = nextNonZero(memory, at);
    if (at >= memory.length) break;
    const start = at;
    let end = at + 1;
    for (let next = end; next < memory.length && next - end <= GAP; next++) {
      if (memory[next] !== 0) end = next + 1;
    }
    segments.push(
      new Uint8Array([
        0,
        I32_CONST,
        ...signed(BigInt.asIntN(32, BigInt(start))),
        END,
        ...number(end - start),
      ]),
      memory.subarray(start, end),
    );
    at = end;
  }
  const count = segments.length / 2;
  return { payload: Buffer.concat([new Uint8Array(number(count)), ...segments]), count };
}

function nextNonZero(memory: Uint8Array, from: number): number {
  let at = from;
  while (at < memory.length && at % 8 !== 0) {
    if (memory[at] !== 0) return at;
    at += 1;
  }
  const words = new BigUint64Array(
    memory.buffer,
    memory.byteOffset + at,
    Math.floor((memory.length - at) / 8),
  );
  const word = words.findIndex((value) => value !== 0n);
  at = word < 0 ? at + words.length * 8 : at + word * 8;
  while (at < memory.length && memory[at] === 0) at += 1;
  return at;
}
