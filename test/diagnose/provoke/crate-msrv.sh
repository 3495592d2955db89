# A crate that wants a newer Rust than the one that is there.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "icu_provider = \"=2.2.0\""
cargo build'
