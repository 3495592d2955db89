# A build script that asks cmake (the crate) to build something, in a toolchain without the program.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "[build-dependencies]\ncmake = \"=0.1.54\""
mkdir c; echo "fn main() { cmake::build(\"c\"); }" > build.rs; cargo build'
