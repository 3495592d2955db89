# No linker is named: the machine's own cc is called, with objects of another machine.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /job/project; export RUSTFLAGS=$STD PYO3_CROSS_PYTHON_VERSION=3.13
cargo build --locked --target aarch64-unknown-linux-gnu'
