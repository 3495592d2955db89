# A crate that asks for a feature of the nightly compiler.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate ""
echo "#![feature(never_type)] fn main() {}" > src/main.rs; cargo build'
