# A program under qemu 10 that overwrites the emulator's own memory, at the address that the kernel tells.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /run; cat > x.c <<END
#include <stdio.h>
#include <string.h>
int main(void) {
  unsigned long from, to;
  while (scanf("%lx-%lx", &from, &to) == 2) memset((void *)from, 0x41, to - from);
  return 0;
}
END
clang-19 --target=aarch64-linux-gnu --sysroot=/sysroot -fuse-ld=lld-19 -o x x.c; mkfifo p
feed() { exec 3> p; sleep 3; for one in /proc/[0-9]*; do
  case "$(readlink $one/exe)" in *qemu-aarch64) sed -n "s/^\([0-9a-f]*-[0-9a-f]*\) rw-p.*heap.*/\1/p" $one/maps >&3;; esac; done; }
feed & bash -c "qemu-aarch64 -L /sysroot ./x < p; true"'
