# A panic strategy that a newer stable cargo knows, and does not have (cargo 1.95).
. "$(dirname "$0")/lib.sh"
outside "$CRATE"'; crate crate "[profile.release]\npanic = \"immediate-abort\""
cargo build --release'
