/** `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = `sha256:${string}`;

/** Rust's name of a target, e.g. as `rustc --print target-list` has it. */
export type TargetTriple = string;

export type Libc = 'gnu' | 'musl' | 'wasi';
/** An implementation of Python, as `platform.python_implementation()` names it. */
export type PythonImplementation = 'CPython' | 'RustPython';

export type Linkage = 'static' | 'dynamic';

/** How a built program is started: directly, under qemu's user-mode emulation, in wasmtime, or in Node's own WASI. */
export type RuntimeKind = 'native' | 'qemu-user' | 'wasmtime' | 'node-wasi';

/** 64 hexadecimal digits: the key of a store entry. */
export type Fingerprint = string;
