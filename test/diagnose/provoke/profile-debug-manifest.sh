# The same in a manifest.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "[profile.debug]\nopt-level = 1"
cargo build'
