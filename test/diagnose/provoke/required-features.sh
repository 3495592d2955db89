# A program with required-features, asked for by name without them.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "\n[features]\ntls = []\nserver = []\n[[bin]]\nname = \"small\"\nrequired-features = [\"server\", \"tls\"]"
cargo build --bin small'
