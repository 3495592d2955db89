# PyO3 0.22.6 does not take WebAssembly for another machine: it looks for a Python here.
. "$(dirname "$0")/lib.sh"
inside wasm32-wasip1 "$CRATE"'; crate /run/crate "pyo3 = { version = \"=0.22.6\", default-features = false }"; export RUSTFLAGS=$STD
cargo build --target wasm32-wasip1'
