# The crate nasm-rs, which assembles with nasm.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "[build-dependencies]\nnasm-rs = \"=0.3.0\""
echo > a.asm; echo "fn main() { nasm_rs::compile_library(\"liba.a\", &[\"a.asm\"]).unwrap(); }" > build.rs; cargo build'
