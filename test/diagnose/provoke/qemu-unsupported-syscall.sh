# io_uring under qemu 10, which says so when it is asked to (-d unimp).
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /run; printf "#include <stdio.h>\n#include <unistd.h>\n#include <sys/syscall.h>\nint main(void) { if (syscall(425, 1, 0) < 0) perror(\"io_uring_setup\"); return 1; }\n" > x.c
clang-19 --target=aarch64-linux-gnu --sysroot=/sysroot -fuse-ld=lld-19 -o x x.c && qemu-aarch64 -d unimp -L /sysroot ./x'
