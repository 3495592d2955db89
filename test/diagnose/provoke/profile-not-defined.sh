# A profile that no manifest has.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate ""
cargo build --profile fastest'
