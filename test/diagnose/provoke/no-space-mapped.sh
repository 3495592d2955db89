# lld by itself, on a file system of one megabyte: make says how it ended. Needs root.
. "$(dirname "$0")/lib.sh"
mkdir "$PLACE/full"; mount -t tmpfs -o size=1m none "$PLACE/full"; trap 'umount "$PLACE/full"; rm -rf "$PLACE"' EXIT
outside 'echo "char large[3000000] = {1};" | cc -x c -c -o large.o -
printf "LLD = %s\nout.o:\n\t@\$(LLD) -r -o full/out.o large.o\n" "$(rustc --print sysroot)/lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld/ld.lld" > Makefile
make' | sed 's#(/[^()]*/\([^/()]*\)#(\1#; s#^ *\(\#*[0-9]*:\{0,1\}\) 0x[0-9a-f]*#\1#'
