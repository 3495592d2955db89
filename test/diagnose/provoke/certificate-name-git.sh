# The same of a server of git, asked by git itself: `net.git-fetch-with-cli`.
. "$(dirname "$0")/lib.sh"
serves other-name.pem
export CARGO_NET_GIT_FETCH_WITH_CLI=true GIT_SSL_CAINFO="$CARGO_HTTP_CAINFO"
outside "$CRATE"'; crate small "leaf = { git = \"https://localhost:'$PORT'/leaf.git\" }"; CARGO_HOME=$PWD/cargo cargo fetch'
