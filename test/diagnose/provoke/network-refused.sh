# A proxy that nobody listens at.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "anyhow = \"=1.0.99\""; export CARGO_HOME=/run/cargo https_proxy=http://127.0.0.1:9 CARGO_NET_RETRY=0
cargo fetch'
