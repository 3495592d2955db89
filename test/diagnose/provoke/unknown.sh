# An ordinary mistake in a program: none of the catalogue's business.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate ""; echo "fn main() { let n: u8 = \"eight\"; println!(\"{n}\"); }" > src/main.rs; cargo build'
