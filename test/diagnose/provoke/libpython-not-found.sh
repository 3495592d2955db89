# lld, with a C library of the target and no libpython.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /job/project; mkdir -p /run/sysroot/usr
cp -r /sysroot/usr/lib /sysroot/usr/include /run/sysroot/usr/; rm -rf /run/sysroot/usr/lib/*/libpython* /run/sysroot/usr/lib/rustlib
for part in lib lib64; do ln -s usr/lib /run/sysroot/$part; done
export PYO3_CROSS_PYTHON_VERSION=3.13 CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=clang-19 RUSTFLAGS="$STD -Clink-arg=--target=aarch64-linux-gnu -Clink-arg=--sysroot=/run/sysroot -Clink-arg=-fuse-ld=lld-19"
cargo build --locked --target aarch64-unknown-linux-gnu'
