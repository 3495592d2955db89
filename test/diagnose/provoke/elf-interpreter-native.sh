# A program of the machine itself whose loader is another system's.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /run; echo "int main(void) { return 0; }" > x.c; cc -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1 -o x x.c; bash -c ./x'
