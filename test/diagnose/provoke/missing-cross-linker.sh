# The linker that a cargo configuration names is not installed.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /job/project; export RUSTFLAGS=$STD PYO3_CROSS_PYTHON_VERSION=3.13 CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
cargo build --locked --target aarch64-unknown-linux-gnu'
