# A static libpython for WebAssembly without the archives of expat, mpdec, HACL and zlib beside it.
. "$(dirname "$0")/lib.sh"
inside wasm32-wasip1 'cd /run; echo "extern void Py_Initialize(void); int main(void) { Py_Initialize(); return 0; }" > x.c
lib=$(dirname $(find /sysroot/usr/lib -name "libpython3.13.a" | head -1))
clang-19 --target=wasm32-wasi --sysroot=/sysroot -nodefaultlibs -L$lib -lpython3.13 -lc -lwasi-emulated-signal -lwasi-emulated-getpid -lwasi-emulated-process-clocks -Wl,--error-limit=400 -o x.wasm x.c'
