import { defined } from '../../src/domain/defined.ts';
import type { CPythonBuild, SourceBuild, SourceSysroot } from '../../src/domain/definitions.ts';

/** A sysroot built from source for a machine that does not exist. */
export function sourceSysroot(
  cpython: Partial<CPythonBuild> = {},
  more: Partial<Omit<SourceSysroot, 'source'> & Omit<SourceBuild, 'cpython'>> = {},
): SourceSysroot {
  const tree = {
    architecture: 'far',
    packages: ['libfar-dev'],
    without: [],
    exclude: [],
    links: {},
    files: {},
  };
  const source = { architecture: 'source', packages: ['python3.13'] };
  const { sources = source, libraries = [], cLibrary, differences = [], ...rest } = more;
  return {
    kind: 'sysroot',
    name: 'static-musl/cpython-3.13/far',
    description: 'CPython for the far machine.',
    suite: 'trixie',
    target: 'far',
    python: { name: 'cpython-3.13', implementation: 'CPython', version: '3.13', abiflags: '' },
    sysroot: tree,
    rootfs: tree,
    compiler: { flags: [] },
    without: {},
    source: {
      sources,
      libraries,
      cpython: {
        source: 'python3.13',
        patches: [],
        ownPatches: [],
        configure: [],
        cross: false,
        env: {},
        setup: '',
        modules: [],
        optimization: [],
        ...cpython,
      },
      differences,
      ...defined({ cLibrary }),
    },
    link: { static: [], dynamic: [], wholePython: false, pie: true, arguments: [] },
    ...rest,
  };
}
