import type { AdapterKind } from './instance.ts';

/** What a recipe or a command asks of a program's target, beside building and bundling it. */
export const OPERATIONS = {
  samples: 'samples',
  commands: '`tests.commands`',
  servers: '`server` in `tests.commands`',
  cargo: '`tests.cargo`',
  exec: '`provision exec`, `provision shell`',
  probe: '`provision probe`',
  inspect: '`provision inspect`',
  conformance: '`provision conformance`',
  snapshot: '`snapshot` below `wasm`',
  oci: '`--format oci`',
  deb: '`--format deb`',
  onefile: '`--format onefile`',
} as const;

export type Operation = keyof typeof OPERATIONS;

/** What programs can do in a runtime, and what the runtime itself asks for. */
export interface RuntimeCapabilities {
  /** Facilities that samples may require (docs/samples.md); `module:*` for every module of the standard library. */
  readonly facilities: readonly string[];
  /** Those of them that depend on the machine and its engine: whether the kernel starts programs through an emulator. */
  readonly conditional: readonly string[];
  /** Programs are translated or emulated: they take several times as long as natively. */
  readonly emulated: boolean;
  /** The kernel starts its programs itself: they can be started outside of a sandbox, too. */
  readonly byKernel: boolean;
  /** Whose C library the sandbox's root holds: the `target`'s for the program, or the `host`'s for the runtime itself. */
  readonly root: 'target' | 'host';
  /** The runtime loads libraries of the host beyond those that Python loads: the toolchain image has them. */
  readonly needsHostLibraries: boolean;
  /** Option of the emulator that names the target's root where that is not `/`. */
  readonly rootOption?: string;
  /** What cannot be done with its programs, each with the reason that is printed where it is asked for. */
  readonly impossible: Readonly<Partial<Record<Operation, string>>>;
}

/** What a POSIX system offers. */
const POSIX = ['threads', 'subprocess', 'sockets', 'signals', 'files', 'symlinks', 'module:*'];

const NATIVE: RuntimeCapabilities = {
  facilities: POSIX,
  conditional: [],
  emulated: false,
  byKernel: true,
  root: 'target',
  needsHostLibraries: false,
  impossible: {
    snapshot: 'A snapshot is the memory of a WebAssembly module; a program of machine code holds none.',
  },
};

const NOT_STARTED = 'It is a WebAssembly module: neither a kernel nor a container engine can start it.';

const WASI: RuntimeCapabilities = {
  // WASI preview 1 has files and links and none of the others.
  facilities: ['files', 'symlinks', 'module:*'],
  conditional: [],
  emulated: true,
  byKernel: false,
  root: 'host',
  needsHostLibraries: true,
  impossible: {
    servers: 'WASI preview 1 has no sockets to listen on',
    cargo: "cargo's test programs are not bundled with a standard library",
    oci: NOT_STARTED,
    deb: NOT_STARTED,
    onefile: NOT_STARTED,
  },
};

export const CAPABILITIES: Readonly<Record<AdapterKind, RuntimeCapabilities>> = {
  native: NATIVE,
  'qemu-user': {
    ...NATIVE,
    // The emulator itself starts no further program of the target: the kernel does, by binfmt_misc, or none (execve(2), ENOEXEC).
    conditional: ['subprocess'],
    emulated: true,
    byKernel: false,
    // qemu-user(1): `-L`, prefix of the target's interpreter and libraries.
    rootOption: '-L',
  },
  wasmtime: WASI,
  'node-wasi': WASI,
  reference: NATIVE,
};
