// A module made by hand is initialised in Node's own engine, rewritten, and run again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { name, number, type Section, signed, writeSections } from '../../src/runtime/wasm/module.ts';
import { INITIALIZE, instrument, RESUME, rewrite } from '../../src/snapshot/rewrite.ts';

const I32 = 0x7f;
const I64 = 0x7e;
const F32 = 0x7d;
const F64 = 0x7c;
const END = 0x0b;
const PAGE = 65_536;

type Bytes = readonly number[];

interface Engine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
  validate(bytes: Uint8Array): boolean;
}
const { WebAssembly: engine } = globalThis as unknown as { readonly WebAssembly: Engine };

const vector = (items: readonly Bytes[]): Bytes => [...number(items.length), ...items.flat()];
const section = (id: number, bytes: Bytes): Section => ({ id, payload: new Uint8Array(bytes) });
const i32 = (value: number): Bytes => [0x41, ...signed(BigInt(value))];
const i64 = (value: bigint): Bytes => [0x42, ...signed(value)];
const f32 = (value: number): Bytes => [0x43, ...new Uint8Array(Float32Array.of(value).buffer)];
const f64 = (value: number): Bytes => [0x44, ...new Uint8Array(Float64Array.of(value).buffer)];
const body = (...code: Bytes): Bytes => [...number(code.length + 2), 0, ...code, END];
const exported = (text: string, kind: number, index: number): Bytes => [
  ...name(text),
  kind,
  ...number(index),
];

/** Initialising writes memory and globals and grows the memory; `_start` fails until it is `wizer.resume`. */
function makeModule(
  change: { readonly exports?: readonly Bytes[]; readonly more?: readonly Section[] } = {},
): Uint8Array {
  return writeSections(
    [
      section(
        1,
        vector([
          [0x60, 0, 0],
          [0x60, 0, 1, I32],
        ]),
      ),
      section(3, vector([[0], [0], [0], [1]])),
      section(5, vector([[0, 2]])),
      section(
        6,
        vector([
          [I32, 1, ...i32(PAGE), END],
          [I64, 1, ...i64(5n), END],
          [F32, 1, ...f32(0), END],
          [F64, 1, ...f64(0), END],
          [I32, 0, ...i32(9), END],
        ]),
      ),
      section(
        7,
        vector(
          change.exports ?? [
            exported('memory', 2, 0),
            exported(INITIALIZE, 0, 0),
            exported(RESUME, 0, 1),
            exported('_start', 0, 2),
            exported('answer', 0, 3),
          ],
        ),
      ),
      section(12, number(1)),
      section(
        10,
        vector([
          body(
            // What is left in the stack, and what is kept.
            ...[...i32(PAGE - 8), ...i32(77), 0x36, 2, 0],
            ...[...i32(PAGE + 1000), ...i32(42), 0x36, 2, 0],
            ...[...i32(1), 0x40, 0, 0x1a],
            ...[...i32(2 * PAGE + 4), ...i32(-1), 0x36, 2, 0],
            ...[...i64(-(2n ** 40n)), 0x24, 1],
            ...[...f32(0.25), 0x24, 2],
            ...[...f64(-1e100), 0x24, 3],
          ),
          body(...i32(PAGE + 2000), ...i32(1), 0x36, 2, 0),
          body(0x00),
          body(...i32(PAGE + 1000), 0x28, 2, 0, ...i32(PAGE + 2000), 0x28, 2, 0, 0x6a),
        ]),
      ),
      section(11, vector([[0, ...i32(PAGE), END, ...name('data')]])),
      ...(change.more ?? []),
    ].sort((a, b) => order(a) - order(b)),
  );
}

/** The count of data stands before the code. */
const order = ({ id }: Section): number => (id === 12 ? 9.5 : id);

function whole(result: Uint8Array | { readonly unsupported: string }): Uint8Array {
  assert.ok(!('unsupported' in result), JSON.stringify(result));
  return result;
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly _start: () => void;
  readonly answer: () => number;
  readonly [name: string]: unknown;
}

const run = (module: Uint8Array): Exports =>
  new engine.Instance(new engine.Module(module)).exports as unknown as Exports;

function momentOf(module: Uint8Array) {
  const exports = run(whole(instrument(module)));
  (exports[INITIALIZE] as () => void)();
  const globals = Object.entries(exports).flatMap(([text, one]) => {
    const value = (one as { value?: number | bigint }).value;
    return value === undefined ? [] : [[text, typeof value === 'bigint' ? String(value) : value] as const];
  });
  return { memory: new Uint8Array(exports.memory.buffer), globals: Object.fromEntries(globals) };
}

test('a rewritten module starts from its initialised state', () => {
  const module = makeModule();
  assert.ok(engine.validate(module));
  const rewritten = whole(rewrite(module, momentOf(module)));
  assert.ok(engine.validate(rewritten));
  const exports = run(rewritten);
  assert.deepEqual(Object.keys(exports).sort(), ['_start', 'answer', 'memory']);
  assert.equal(exports.memory.buffer.byteLength, 3 * PAGE);
  assert.equal(exports.answer(), 42);
  exports._start();
  assert.equal(exports.answer(), 43);
  const words = new Int32Array(exports.memory.buffer);
  assert.equal(words[(2 * PAGE + 4) / 4], -1);
  assert.equal(Buffer.from(exports.memory.buffer, PAGE, 4).toString(), 'data');
});

test('mutable globals of every type keep their values, and immutable ones are not changed', () => {
  const module = makeModule();
  const again = momentOf(module);
  assert.deepEqual(again.globals, {
    'provision.global.0': PAGE,
    'provision.global.1': String(-(2n ** 40n)),
    'provision.global.2': 0.25,
    'provision.global.3': -1e100,
  });
  const rewritten = Buffer.from(whole(rewrite(module, again)));
  for (const value of [i64(-(2n ** 40n)), f32(0.25), f64(-1e100)]) {
    assert.ok(rewritten.includes(Buffer.from([...value, END])));
  }
});

test('stack that returned functions left behind is not stored', () => {
  const module = makeModule();
  const moment = momentOf(module);
  assert.equal(new Int32Array(moment.memory.buffer)[(PAGE - 8) / 4], 77);
  const exports = run(whole(rewrite(module, moment)));
  assert.equal(new Int32Array(exports.memory.buffer)[(PAGE - 8) / 4], 0);
});

test('a module that cannot be snapshotted is rejected with the reason', () => {
  const exports = [exported('memory', 2, 0), exported('_start', 0, 2)];
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [new TextEncoder().encode('no module at all'), /no WebAssembly module/],
    [makeModule({ exports }), /does not export `wizer.initialize`/],
    [makeModule({ more: [section(8, number(0))] }), /start function/],
    [
      makeModule({ more: [section(2, vector([[...name('m'), ...name('g'), 3, I32, 1]]))] }),
      /imports a memory or a global/,
    ],
  ];
  for (const [module, why] of cases) {
    const result = instrument(module);
    assert.ok('unsupported' in result);
    assert.match(result.unsupported, why);
  }
});
