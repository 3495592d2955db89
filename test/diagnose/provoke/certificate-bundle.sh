# A CA bundle that cannot be read.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "anyhow = \"=1.0.99\""; : > /run/none.pem; export CARGO_HOME=/run/cargo CARGO_NET_RETRY=0 CARGO_HTTP_CAINFO=/run/none.pem
cargo fetch'
