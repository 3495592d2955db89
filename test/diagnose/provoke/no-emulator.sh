# A program for 64-bit ARM, started without an emulator.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /run; echo "int main(void) { return 0; }" > x.c
clang-19 --target=aarch64-linux-gnu --sysroot=/sysroot -fuse-ld=lld-19 -o x x.c && bash -c ./x'
