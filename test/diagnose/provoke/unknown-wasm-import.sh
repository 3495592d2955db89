# A module that asks for what no WASI engine offers, in wasmtime. WASMTIME: the program.
. "$(dirname "$0")/lib.sh"
inside wasm32-wasip1 'cd /run; printf "extern int dlopen(const char *, int); int main(void) { return dlopen(0, 0); }\n" > x.c
clang-19 --target=wasm32-wasi --sysroot=/sysroot -nodefaultlibs -lc -Wl,--allow-undefined -o x.wasm x.c && od -An -v -tx1 x.wasm' | tr -d ' \n' > "$PLACE/hex"
python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(open(sys.argv[1]).read()))' "$PLACE/hex" > "$PLACE/x.wasm"
"${WASMTIME:-wasmtime}" run "$PLACE/x.wasm" 2>&1 | scrub
