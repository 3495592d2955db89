# A registry whose certificate has expired (the machine's cargo).
. "$(dirname "$0")/lib.sh"
serves expired.pem
outside "$CRATE"'; crate small "leaf = { version = \"1\", registry = \"own\" }"; CARGO_HOME=$PWD/cargo cargo fetch'
