# PyO3 finds the build data of the target's Python and has no Python of the host to read it with.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /job/project; export RUSTFLAGS=$STD PYO3_CROSS_LIB_DIR=/sysroot/usr/lib/python3.13
cargo build --locked --target aarch64-unknown-linux-gnu'
