# C that includes a header of a library that the sysroot does not have.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "[build-dependencies]\ncc = \"=1.2.30\""
echo "#include <openssl/ssl.h>" > a.c; echo "fn main() { cc::Build::new().file(\"a.c\").compile(\"a\"); }" > build.rs
CC=clang-19 CFLAGS="--target=aarch64-linux-gnu --sysroot=/sysroot" cargo build'
