import { PATHS } from '../../engine/paths.ts';
import { needsHome, wasmSettings } from '../wasi-program.ts';
import { checkModule } from './check-module.ts';
import type { ProgramFormat } from './program.ts';
import { addRunScript } from './run-script.ts';

/** Goes up when the script or the folders beside a module change. */
const LAYOUT = 3;

/** Modules of WebAssembly for WASI preview 1. */
export const WASI: ProgramFormat = {
  suffix: '.wasm',
  machineCode: false,
  markers: { os_name: 'posix', sys_platform: 'wasi', platform_system: 'wasi' },
  sharedLibraries: false,
  findsLibrary: 'The script `run` of the bundle passes it the location of the standard library.',
  unreadData: {
    certificates: 'There is no `ssl` in its Python: WASI preview 1 makes no connections.',
    services: 'There is no `socket` in its Python: WASI preview 1 makes no connections.',
  },
  runsOn: 'a runtime for WASI preview 1',
  // Rust's own objects and archives are all that a C compiler would add.
  bareLinker: (resolved) => {
    const { stack, initialMemory } = wasmSettings(resolved);
    return {
      tool: 'wasm-ld',
      rustFlags: ['-Clinker-flavor=wasm-ld'],
      arguments: [
        `-zstack-size=${stack}`,
        `--initial-memory=${initialMemory}`,
        // For what is named beside the C library: `-lm`, or what emulates signals.
        `-L${PATHS.sysroot}/usr/lib/${resolved.target.multiarch}`,
      ],
    };
  },
  check: checkModule,
  bundleInputs: (resolved) => {
    const { snapshot = false, stack, maxMemory = null } = wasmSettings(resolved);
    return {
      wasm: {
        layout: LAYOUT,
        ...{ snapshot, stack, maxMemory },
        ...(needsHome(resolved) ? { namesHome: true } : {}),
      },
    };
  },
  addToBundle: addRunScript,
};
