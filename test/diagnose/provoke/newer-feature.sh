# A crate that uses a part of the standard library that is stable in a newer Rust.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate ""
echo "fn main() { println!(\"{:?}\", [1u8, 2, 3].as_chunks::<2>()); }" > src/main.rs; cargo build'
