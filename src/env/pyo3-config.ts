import type { PythonDistribution } from '../domain/python.ts';

/**
 * Text of the file that `PYO3_CONFIG_FILE` names: `key=value` a line, as pyo3-build-config's InterpreterConfig reads
 * it (its `from_reader`). `root` is where the build sees the sysroot.
 */
export function pyo3Config(python: PythonDistribution, root: string): string {
  const lines = [
    `implementation=${python.implementation}`,
    `version=${python.minor}`,
    // For a static libpython too: PyO3 rejects `auto-initialize` without it. Nothing else reads it, as we suppress its link lines.
    'shared=true',
    'abi3=false',
    `lib_name=${python.libName}`,
    `lib_dir=${root}/${python.libDir}`,
    `pointer_width=${python.pointerWidth}`,
    `build_flags=${python.buildFlags.join(',')}`,
    ...linkLines(python, root),
  ];
  return `${lines.join('\n')}\n`;
}

/** A shared libpython is found by PyO3 itself; what a static one needs beside it PyO3 does not know. */
function linkLines({ link }: PythonDistribution, root: string): readonly string[] {
  if (link === undefined) return ['suppress_build_script_link_lines=false'];
  const folders = link.folders.map((folder) => `cargo:rustc-link-search=native=${root}/${folder}`);
  // Not bundled into the crate's own archive: the linker takes from each library what it needs, in any order.
  const libraries = link.libraries.map(({ name, linkage }, index) => {
    if (linkage === 'dynamic') return `cargo:rustc-link-lib=dylib=${name}`;
    const whole = link.whole && index === 0 ? ',+whole-archive' : '';
    return `cargo:rustc-link-lib=static:-bundle${whole}=${name}`;
  });
  return [
    'suppress_build_script_link_lines=true',
    ...[...folders, ...libraries].map((line) => `extra_build_script_line=${line}`),
  ];
}
