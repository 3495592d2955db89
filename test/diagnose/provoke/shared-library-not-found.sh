# The program without libpython beside it.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /job/project; printf "extern int Py_Initialize(void); int main(void) { return Py_Initialize(); }\n" > /run/x.c
clang-19 --target=aarch64-linux-gnu --sysroot=/sysroot -fuse-ld=lld-19 -o /run/x /run/x.c -lpython3.13
mkdir -p /run/root/lib /run/root/usr/lib/aarch64-linux-gnu; cp -L /sysroot/lib/ld-linux-aarch64.so.1 /run/root/lib/; cp /sysroot/usr/lib/aarch64-linux-gnu/libc.so.6 /run/root/lib/
qemu-aarch64 -L /run/root /run/x'
