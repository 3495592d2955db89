import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WasmSettings } from '../../domain/definitions.ts';
import { PATHS } from '../../engine/paths.ts';
import { needsHome, wasmSettings } from '../wasi-program.ts';
import type { BundleExtras } from './program.ts';

/**
 * Adds to a bundle what a module of WebAssembly needs beside its standard library: the script that starts it in any
 * wasmtime, and the folder that CPython takes for its platform's half of the library (empty: modules are linked in).
 */
export async function addRunScript(
  folder: string,
  { resolved, program, python }: BundleExtras,
): Promise<void> {
  await mkdir(join(folder, python.stdlib.replace(/^usr\//, ''), 'lib-dynload'), { recursive: true });
  const script = join(folder, 'run');
  await writeFile(script, runScript(program, wasmSettings(resolved), needsHome(resolved)));
  await chmod(script, 0o755);
}

function runScript(
  program: string,
  { stack, maxMemory, snapshot }: WasmSettings,
  namesHome: boolean,
): string {
  const home = namesHome ? ` --env PYTHONHOME=${PATHS.interpreter}` : '';
  const limits = [
    `max-wasm-stack=${stack}`,
    ...(maxMemory === undefined ? [] : [`max-memory-size=${maxMemory}`]),
  ];
  return `#!/bin/sh
# Runs a Python script in wasmtime (another one than that of PATH: WASMTIME=/path/of/wasmtime).
#
#   run [--dir FOLDER]... SCRIPT [ARGUMENT...]
#
# The script sees the folder it is in, the current folder, and every FOLDER; of the environment, ${snapshot ? 'a locale' : 'nothing'}.
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
  --argv0 ${PATHS.interpreter}/bin/${program} --env "ISOLATE_CWD=$work"${snapshot ? ' --env LANG=C.UTF-8' : ''}${home} "$@"
`;
}
