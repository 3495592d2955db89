# A cross linker with nothing of the target's C library.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /job/project; mkdir -p /run/sysroot
export PYO3_CROSS_PYTHON_VERSION=3.13 CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=clang-19 RUSTFLAGS="$STD -Clink-arg=--target=aarch64-linux-gnu -Clink-arg=--sysroot=/run/sysroot -Clink-arg=-fuse-ld=lld-19"
cargo build --locked --target aarch64-unknown-linux-gnu'
