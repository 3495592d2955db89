# A dependency of git whose server does not answer (the machine's cargo).
. "$(dirname "$0")/lib.sh"
outside "$CRATE"'; crate small "leaf = { git = \"http://127.0.0.1:9/leaf.git\" }"; CARGO_HOME=$PWD/cargo CARGO_NET_RETRY=0 cargo fetch'
