# A crate that names a library of which no development package is there (GNU ld).
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate ""; echo "fn main() { println!(\"cargo:rustc-link-lib=lzma\"); }" > build.rs; cargo build'
