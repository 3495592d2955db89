import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { storedZip, type ZipEntry } from '../archive/zip.ts';
import type { WasmSettings } from '../domain/definitions.ts';
import type { PythonDistribution } from '../domain/python.ts';
import { PATHS } from '../engine/paths.ts';

/**
 * Adds to a bundle what a module of WebAssembly needs beside its standard library: the script that starts it in any
 * wasmtime, the folder that CPython takes for its platform's half of the library (empty: modules are linked in), and an
 * archive of what every start reads.
 */
export async function addWasmParts(
  home: string,
  program: string,
  python: PythonDistribution,
  wasm: WasmSettings,
): Promise<void> {
  const stdlib = join(home, python.stdlib.replace(/^usr\//, ''));
  await mkdir(join(stdlib, 'lib-dynload'), { recursive: true });
  await writeFile(
    join(home, 'lib', `python${python.minor.replace('.', '')}.zip`),
    storedZip(await startModules(stdlib)),
  );
  const script = join(home, 'run');
  await writeFile(script, runScript(program, wasm));
  await chmod(script, 0o755);
}

/**
 * The package that every start reads and that is not frozen into CPython, compiled. In the archive that comes first on
 * `sys.path` it costs one file to open instead of many: in an engine each operation on a file is dear.
 */
async function startModules(stdlib: string): Promise<readonly ZipEntry[]> {
  const compiled = join(stdlib, 'encodings', '__pycache__');
  const names = (await readdir(compiled).catch(() => [])).filter((name) => name.endsWith('.pyc')).sort();
  return Promise.all(
    names.map(async (name) => ({
      name: `encodings/${name.replace(/\..*$/, '')}.pyc`,
      bytes: await readFile(join(compiled, name)),
    })),
  );
}

function runScript(program: string, { stack, maxMemory }: WasmSettings): string {
  const limits = [
    `max-wasm-stack=${stack}`,
    ...(maxMemory === undefined ? [] : [`max-memory-size=${maxMemory}`]),
  ];
  return `#!/bin/sh
# Runs a Python script in wasmtime (another one than that of PATH: WASMTIME=/path/of/wasmtime).
#
#   run [--dir FOLDER]... SCRIPT [ARGUMENT...]
#
# The script sees the folder it is in, the current folder, and every FOLDER; of the environment, nothing.
set -eu
self=$0
while [ -h "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
here=$(CDPATH= cd -- "$(dirname -- "$self")" && pwd -P)
work=$(pwd -P)
options=
quote() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\\\\\''/g")"; }
while [ "\${1-}" = --dir ] && [ $# -ge 2 ]; do
  options="$options --dir $(quote "$2")"
  shift 2
done
if [ -f "\${1-}" ]; then
  folder=$(CDPATH= cd -- "$(dirname -- "$1")" && pwd -P)
  [ "$folder" = "$work" ] || options="$options --dir $(quote "$folder")"
  script=$folder/$(basename -- "$1")
  shift
  set -- "$script" "$@"
fi
eval "set -- $options --dir $(quote "$work") \\"\\$here/bin/${program}\\" \\"\\$@\\""
exec "\${WASMTIME:-wasmtime}" run -W ${limits.join(',')} --dir "$here::${PATHS.interpreter}" \\
  --argv0 ${PATHS.interpreter}/bin/${program} --env "ISOLATE_CWD=$work" "$@"
`;
}
