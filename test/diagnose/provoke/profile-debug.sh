# The folder's name in place of the profile's.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate ""
cargo build --profile debug'
