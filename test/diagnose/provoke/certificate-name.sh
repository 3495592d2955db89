# A registry whose certificate is for another name than that of its address (the machine's cargo).
. "$(dirname "$0")/lib.sh"
serves other-name.pem
outside "$CRATE"'; crate small "leaf = { version = \"1\", registry = \"own\" }"; CARGO_HOME=$PWD/cargo cargo fetch'
