import type { PythonDistribution } from '../domain/python.ts';

/**
 * Text of the file that `PYO3_CONFIG_FILE` names: `key=value` a line, as pyo3-build-config's InterpreterConfig reads
 * it (its `from_reader`). `root` is where the build sees the sysroot.
 */
export function pyo3Config(python: PythonDistribution, root: string): string {
  const lines = [
    `implementation=${python.implementation}`,
    `version=${python.minor}`,
    `shared=${python.linkage === 'dynamic'}`,
    'abi3=false',
    `lib_name=${python.libName}`,
    `lib_dir=${root}/${python.libDir}`,
    `pointer_width=${python.pointerWidth}`,
    `build_flags=${python.buildFlags.join(',')}`,
    'suppress_build_script_link_lines=false',
  ];
  return `${lines.join('\n')}\n`;
}
