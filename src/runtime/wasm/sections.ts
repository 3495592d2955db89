import { name, number, Reader } from './module.ts';

/** Kinds of imports and exports (WebAssembly core specification, 5.5.5). */
export const KIND = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;

export interface Export {
  readonly name: string;
  readonly kind: number;
  readonly index: number;
}

export interface Global {
  /** Number of its type: 0x7f i32, 0x7e i64, 0x7d f32, 0x7c f64, others. */
  readonly type: number;
  readonly mutable: boolean;
  /** Constant expression, its `end` included. */
  readonly value: Uint8Array;
}

/** Where an active data segment of the first memory begins; undefined for any other segment. */
export interface Segment {
  readonly offset: number | undefined;
}

export function readExports(payload: Uint8Array): readonly Export[] {
  const reader = new Reader(payload);
  return Array.from({ length: reader.number() }, () => ({
    name: reader.name(),
    kind: reader.byte(),
    index: reader.number(),
  }));
}

export function writeExports(exports: readonly Export[]): Uint8Array {
  return new Uint8Array([
    ...number(exports.length),
    ...exports.flatMap((one) => [...name(one.name), one.kind, ...number(one.index)]),
  ]);
}

export function readGlobals(payload: Uint8Array): readonly Global[] {
  const reader = new Reader(payload);
  return Array.from({ length: reader.number() }, () => {
    const type = reader.byte();
    const mutable = reader.byte() === 1;
    const start = reader.at;
    skipExpression(reader);
    return { type, mutable, value: payload.subarray(start, reader.at) };
  });
}

export function writeGlobals(globals: readonly Global[]): Uint8Array {
  return new Uint8Array([
    ...number(globals.length),
    ...globals.flatMap(({ type, mutable, value }) => [type, mutable ? 1 : 0, ...value]),
  ]);
}

export interface Import {
  readonly module: string;
  readonly name: string;
  readonly kind: number;
}

export function readImports(payload: Uint8Array): readonly Import[] {
  const reader = new Reader(payload);
  const imports: Import[] = [];
  // A count that the section does not hold ends with the section.
  for (let left = reader.number(); left > 0 && !reader.atEnd(); left--) {
    const one = { module: reader.name(), name: reader.name(), kind: reader.byte() };
    skipDescription(reader, one.kind);
    imports.push(one);
  }
  return imports;
}

function skipDescription(reader: Reader, kind: number): void {
  if (kind === KIND.function) reader.number();
  // Type and mutability.
  else if (kind === KIND.global) reader.take(2);
  else if (kind === KIND.tag) {
    reader.byte();
    reader.number();
  } else {
    // Element type of a table, then limits as a memory has them.
    if (kind === KIND.table) reader.byte();
    const flags = reader.byte();
    reader.number();
    if (flags & 1) reader.number();
  }
}

/** The same memory, beginning with so many pages of 64 KiB. */
export function withPages(payload: Uint8Array, pages: number): Uint8Array {
  const reader = new Reader(payload);
  const count = reader.number();
  const flags = reader.byte();
  reader.number();
  return new Uint8Array([...number(count), flags, ...number(pages), ...payload.subarray(reader.at)]);
}

export function readSegments(payload: Uint8Array): readonly Segment[] {
  const reader = new Reader(payload);
  return Array.from({ length: reader.number() }, () => {
    const flags = reader.number();
    if (flags === 2) reader.number();
    let offset: number | undefined;
    if (flags !== 1) {
      const constant = reader.byte() === I32_CONST;
      if (constant) offset = Number(BigInt.asUintN(32, reader.signed()));
      if (!constant) skipExpression(reader);
      else if (reader.byte() !== END) {
        offset = undefined;
        skipExpression(reader);
      }
    }
    reader.take(reader.number());
    return { offset: flags === 0 ? offset : undefined };
  });
}

export const I32_CONST = 0x41;
export const I64_CONST = 0x42;
export const F32_CONST = 0x43;
export const F64_CONST = 0x44;
export const END = 0x0b;
const GLOBAL_GET = 0x23;
const REF_NULL = 0xd0;
const REF_FUNC = 0xd2;

/** Past a constant expression (WebAssembly core specification, 3.3.10, and its proposal of extended ones). */
function skipExpression(reader: Reader): void {
  for (;;) {
    const code = reader.byte();
    if (code === END || reader.atEnd()) return;
    if (code === I32_CONST || code === I64_CONST) reader.signed();
    else if (code === F32_CONST) reader.take(4);
    else if (code === F64_CONST) reader.take(8);
    else if (code === GLOBAL_GET || code === REF_FUNC || code === REF_NULL) reader.number();
  }
}
