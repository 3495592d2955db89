# The ladder for WebAssembly, at its step that adds libpython: taken whole into PyO3's crate, it has stubs of what wasi-libc has.
. "$(dirname "$0")/lib.sh"
cd "$PLACE" && echo 'print(1)' > one.py
"$PROVISION" probe wasm32-wasip1 --ladder --samples one.py ${STORE:+--store "$STORE"} > ladder.txt 2>&1
grep -v '^\$ \|^→' artifacts/wasm32-wasip1/probe/duplicate-symbols.log | scrub
