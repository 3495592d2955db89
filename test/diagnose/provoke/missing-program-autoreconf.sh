# The crate autotools, which starts autoreconf.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "[build-dependencies]\nautotools = \"=0.2.7\""
mkdir c; echo "fn main() { autotools::Config::new(\"c\").reconf(\"-i\").build(); }" > build.rs; cargo build'
