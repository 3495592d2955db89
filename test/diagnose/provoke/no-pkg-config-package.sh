# A build script that asks pkg-config for a library that the sysroot does not have.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "[build-dependencies]\npkg-config = \"=0.3.32\""
echo "fn main() { pkg_config::probe_library(\"libpq\").unwrap_or_else(|e| panic!(\"{e}\")); }" > build.rs
PKG_CONFIG_LIBDIR=/sysroot/usr/lib/aarch64-linux-gnu/pkgconfig cargo build'
