# The program with libpython and without the standard library.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /run; printf "extern void Py_Initialize(void); int main(void) { Py_Initialize(); return 0; }\n" > x.c
clang-19 --target=aarch64-linux-gnu --sysroot=/sysroot -fuse-ld=lld-19 -o x x.c -lpython3.13
PYTHONHOME=/run/none qemu-aarch64 -L /sysroot -E LD_LIBRARY_PATH=/usr/lib/aarch64-linux-gnu ./x'
