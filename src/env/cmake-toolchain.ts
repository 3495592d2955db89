import type { Resolved } from '../domain/definitions.ts';
import { PATHS } from '../engine/paths.ts';

/**
 * A toolchain file of CMake for the target (cmake-toolchains(7)): libraries and headers are looked for in the sysroot alone,
 * programs outside of it alone.
 */
export function cmakeToolchain({ target, toolchain, sysroot }: Resolved): string {
  const tool = (role: string): string => `/usr/bin/${toolchain.tools[role] ?? role}`;
  const { lld } = toolchain.tools;
  const flags = sysroot.compiler.flags.join(' ');
  const lines = [
    // CMake knows no rules of a platform that has no ELF; this is its name for such.
    set('CMAKE_SYSTEM_NAME', target.elf === undefined ? 'Generic' : 'Linux'),
    set('CMAKE_SYSTEM_PROCESSOR', target.machine),
    set('CMAKE_SYSROOT', PATHS.sysroot),
    ...['C', 'CXX', 'ASM'].flatMap((language) => [
      set(`CMAKE_${language}_COMPILER`, tool(language === 'CXX' ? 'cxx' : 'cc')),
      set(`CMAKE_${language}_COMPILER_TARGET`, target.clangTriple),
      set(`CMAKE_${language}_FLAGS_INIT`, flags),
    ]),
    set('CMAKE_AR', tool('ar')),
    set('CMAKE_RANLIB', tool('ranlib')),
    ...(lld === undefined
      ? []
      : ['EXE', 'SHARED', 'MODULE'].map((kind) => set(`CMAKE_${kind}_LINKER_FLAGS_INIT`, `-fuse-ld=${lld}`))),
    set('CMAKE_FIND_ROOT_PATH_MODE_PROGRAM', 'NEVER'),
    ...['LIBRARY', 'INCLUDE', 'PACKAGE'].map((kind) => set(`CMAKE_FIND_ROOT_PATH_MODE_${kind}`, 'ONLY')),
  ];
  return `${lines.join('\n')}\n`;
}

function set(name: string, value: string): string {
  return `set(${name} "${value}")`;
}
