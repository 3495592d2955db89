import type { CPythonBuild, SourceSysroot } from '../../src/domain/definitions.ts';

/** A sysroot built from source for a machine that does not exist. */
export function sourceSysroot(
  cpython: Partial<CPythonBuild> = {},
  more: Partial<SourceSysroot> = {},
): SourceSysroot {
  const tree = {
    architecture: 'far',
    packages: ['libfar-dev'],
    without: [],
    exclude: [],
    links: {},
    files: {},
  };
  return {
    kind: 'cpython-source',
    name: 'far-cpython3.13',
    description: 'CPython for the far machine.',
    suite: 'trixie',
    target: 'far-unknown-linux-musl',
    python: { implementation: 'CPython', version: '3.13' },
    sysroot: tree,
    rootfs: tree,
    sources: { architecture: 'source', packages: ['python3.13'] },
    compiler: { name: 'clang', flags: [] },
    libraries: [],
    cpython: {
      source: 'python3.13',
      patches: [],
      ownPatches: [],
      configure: [],
      env: {},
      setup: '',
      make: ['all'],
      modules: [],
      without: {},
      optimization: 'none',
      training: '',
      ...cpython,
    },
    link: { static: [], dynamic: [], wholePython: false, pie: true, arguments: [] },
    rustStd: 'packages',
    ...more,
  };
}
