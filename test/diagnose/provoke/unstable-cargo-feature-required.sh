# A setting that wants a feature of cargo, without the feature.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "[profile.release]\ntrim-paths = true"
cargo build --release'
