# OpenSSL that is built from the source in openssl-src, whose configuration is a program in perl.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "[build-dependencies]\nopenssl-src = \"=300.5.2\""
echo "fn main() { openssl_src::Build::new().build(); }" > build.rs; cargo build'
