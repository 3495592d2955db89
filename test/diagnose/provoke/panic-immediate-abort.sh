# A panic strategy that a stable cargo does not have (cargo 1.85).
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "[profile.release]\npanic = \"immediate-abort\""
cargo build --release'
