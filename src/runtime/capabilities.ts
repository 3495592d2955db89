import type { AdapterKind } from './instance.ts';

/** What programs can do in a runtime, and what the runtime itself asks for. */
export interface RuntimeCapabilities {
  /** Facilities that samples may require (docs/samples.md); `module:*` for every module of the standard library. */
  readonly facilities: readonly string[];
  /** Programs are translated or emulated: they take several times as long as natively. */
  readonly emulated: boolean;
  /** Whose C library the sandbox's root holds: the `target`'s for the program, or the `host`'s for the runtime itself. */
  readonly root: 'target' | 'host';
  /** The runtime loads libraries of the host beyond those that Python loads: the toolchain image has them. */
  readonly needsHostLibraries: boolean;
  /** Option of the emulator that names the target's root where that is not `/`. */
  readonly rootOption?: string;
  /** `cargo test` can start its programs, which have no bundle around them. */
  readonly startsTestPrograms: boolean;
}

/** What a POSIX system offers. */
const POSIX = ['threads', 'subprocess', 'sockets', 'signals', 'files', 'symlinks', 'module:*'];

const NATIVE: RuntimeCapabilities = {
  facilities: POSIX,
  emulated: false,
  root: 'target',
  needsHostLibraries: false,
  startsTestPrograms: true,
};

const WASI: RuntimeCapabilities = {
  // WASI preview 1 has files and links and none of the others.
  facilities: ['files', 'symlinks', 'module:*'],
  emulated: true,
  root: 'host',
  needsHostLibraries: true,
  startsTestPrograms: false,
};

export const CAPABILITIES: Readonly<Record<AdapterKind, RuntimeCapabilities>> = {
  native: NATIVE,
  'qemu-user': {
    ...NATIVE,
    // The emulator does not start further programs of the target: without binfmt_misc the kernel cannot (execve(2), ENOEXEC).
    facilities: POSIX.filter((name) => name !== 'subprocess'),
    emulated: true,
    // qemu-user(1): `-L`, prefix of the target's interpreter and libraries.
    rootOption: '-L',
  },
  wasmtime: WASI,
  'node-wasi': WASI,
  reference: NATIVE,
};
