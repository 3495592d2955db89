# rustc's own lld, which distributions' packages do not have.
. "$(dirname "$0")/lib.sh"
inside wasm32-wasip1 'cd /job/project; export RUSTFLAGS=$STD PYO3_CROSS_PYTHON_VERSION=3.13
cargo build --locked --target wasm32-wasip1'
