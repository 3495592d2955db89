# A registry whose certificate is not valid yet, as where the clock of a machine is behind.
. "$(dirname "$0")/lib.sh"
serves not-yet.pem
outside "$CRATE"'; crate small "leaf = { version = \"1\", registry = \"own\" }"; CARGO_HOME=$PWD/cargo cargo fetch'
