# PyO3 0.30.1, another target, nothing said about its Python.
. "$(dirname "$0")/lib.sh"
inside wasm32-wasip1 'cd /job/project; export RUSTFLAGS=$STD
cargo build --locked --target wasm32-wasip1'
