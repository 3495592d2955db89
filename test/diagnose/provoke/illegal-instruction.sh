# A program for 64-bit ARM that meets an instruction that its processor lacks, under qemu 10.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /run; printf "int main(void) { __asm__ volatile(\".inst 0x04e0e3e0\\\\n .inst 0x00000000\"); return 0; }\n" > x.c
clang-19 --target=aarch64-linux-gnu --sysroot=/sysroot -fuse-ld=lld-19 -o x x.c && qemu-aarch64 -L /sysroot -cpu cortex-a53 ./x'
