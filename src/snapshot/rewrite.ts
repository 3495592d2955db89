import { number, readSections, SECTION, type Section, signed, writeSections } from './module.ts';
import {
  countImports,
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
  readSegments,
  withPages,
  writeExports,
  writeGlobals,
} from './parts.ts';

/** Names of Wizer's conventions: what brings the program to where it shall begin, and what then begins it. */
export const INITIALIZE = 'wizer.initialize';
export const RESUME = 'wizer.resume';
const START = '_start';
const GLOBAL_PREFIX = 'provision.global.';
const PAGE = 65_536;

/** What a module was like when it had been initialised. */
export interface Moment {
  readonly memory: Uint8Array;
  /** Name that the instrumented module exports a global by → its value: a number, or an integer as text. */
  readonly globals: Readonly<Record<string, number | string>>;
}

/** Why a module cannot be snapshotted. */
export interface Unfit {
  readonly unfit: string;
}

/** The module with every mutable global exported, so that whoever runs it can read them. */
export function instrument(module: Uint8Array): Uint8Array | Unfit {
  const sections = readSections(module);
  if (sections === undefined) return { unfit: 'it is no WebAssembly module' };
  const parts = partsOf(sections);
  const unfit = whyUnfit(sections, parts);
  if (unfit !== undefined) return { unfit };
  const added = parts.globals.flatMap((global, index): Export[] =>
    global.mutable
      ? [{ name: `${GLOBAL_PREFIX}${index}`, kind: KIND.global, index: index + parts.imported.globals }]
      : [],
  );
  return writeSections(
    sections.map((section) =>
      section.id === SECTION.export
        ? { ...section, payload: writeExports([...parts.exports, ...added]) }
        : section,
    ),
  );
}

/** The original module, beginning at the moment: its memory as data, its globals as they were, `_start` going on from it. */
export function rewrite(module: Uint8Array, moment: Moment): Uint8Array | Unfit {
  const sections = readSections(module);
  if (sections === undefined) return { unfit: 'it is no WebAssembly module' };
  const parts = partsOf(sections);
  const resume = parts.exports.find((one) => one.name === RESUME);
  if (resume === undefined) return { unfit: `it does not export \`${RESUME}\`` };
  const exports = parts.exports
    .filter(({ name }) => name !== INITIALIZE && name !== RESUME)
    .map((one) => (one.name === START ? { ...one, index: resume.index } : one));
  const globals = parts.globals.map((global, index) => {
    const value = moment.globals[`${GLOBAL_PREFIX}${index}`];
    return value === undefined ? global : { ...global, value: constant(global.type, value) };
  });
  const segments = dataOf(moment.memory, deadStack(parts, globals));
  const payloads = new Map<number, Uint8Array>([
    [SECTION.export, writeExports(exports)],
    [SECTION.global, writeGlobals(globals)],
    [SECTION.data, segments.payload],
    [SECTION.dataCount, new Uint8Array(number(segments.count))],
  ]);
  return writeSections(
    sections.map((section) => {
      if (section.id === SECTION.memory)
        return { ...section, payload: withPages(section.payload, moment.memory.length / PAGE) };
      const payload = payloads.get(section.id);
      return payload === undefined ? section : { ...section, payload };
    }),
  );
}

interface Parts {
  readonly exports: readonly Export[];
  readonly globals: readonly Global[];
  readonly imported: { readonly globals: number; readonly memories: number };
  readonly data: Uint8Array;
}

function partsOf(sections: readonly Section[]): Parts {
  const payload = (id: number): Uint8Array =>
    sections.find((section) => section.id === id)?.payload ?? new Uint8Array([0]);
  return {
    exports: readExports(payload(SECTION.export)),
    globals: readGlobals(payload(SECTION.global)),
    imported: countImports(payload(SECTION.import)),
    data: payload(SECTION.data),
  };
}

function whyUnfit(
  sections: readonly Section[],
  { exports, globals, imported, data }: Parts,
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
    return 'it has data that is not loaded at the start, or at a place that is computed';
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
function deadStack({ globals: before, data }: Parts, after: readonly Global[]): number {
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
  const parts: Uint8Array[] = [];
  let at = from;
  while (at < memory.length) {
    at = nextNonZero(memory, at);
    if (at >= memory.length) break;
    const start = at;
    let end = at + 1;
    for (let next = end; next < memory.length && next - end <= GAP; next++) {
      if (memory[next] !== 0) end = next + 1;
    }
    parts.push(
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
  const count = parts.length / 2;
  return { payload: Buffer.concat([new Uint8Array(number(count)), ...parts]), count };
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
