# PYO3_CROSS_LIB_DIR holds the build data of two Pythons.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /job/project; mkdir -p /run/lib/python3.13 /run/lib/python3.12
cp /sysroot/usr/lib/python3.13/_sysconfigdata__aarch64-linux-gnu.py /run/lib/python3.13/
cp /sysroot/usr/lib/python3.13/_sysconfigdata__aarch64-linux-gnu.py /run/lib/python3.12/
export RUSTFLAGS=$STD PYO3_CROSS_LIB_DIR=/run/lib
cargo build --locked --target aarch64-unknown-linux-gnu'
