# PYO3_CROSS_LIB_DIR names the library folder, not the standard library.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /job/project; export RUSTFLAGS=$STD PYO3_CROSS_LIB_DIR=/sysroot/usr/lib/aarch64-linux-gnu
cargo build --locked --target aarch64-unknown-linux-gnu'
