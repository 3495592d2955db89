# A module that begins with 16 MiB, in a wasmtime that may give it 12. WASMTIME: the program.
. "$(dirname "$0")/lib.sh"
echo '(module (memory (export "memory") 256) (func (export "_start")))' > "$PLACE/x.wasm"
"${WASMTIME:-wasmtime}" run -W max-memory-size=12582912 "$PLACE/x.wasm" 2>&1 | scrub
