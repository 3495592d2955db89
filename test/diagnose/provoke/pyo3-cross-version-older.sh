# PyO3 0.26.0, WebAssembly, nothing said about its Python; a python3 of the machine is there.
. "$(dirname "$0")/lib.sh"
inside wasm32-wasip1 "$CRATE"'; crate /run/crate "pyo3 = { version = \"=0.26.0\", default-features = false }"; export RUSTFLAGS=$STD
mkdir /run/bin; ln -s /usr/bin/python3.13 /run/bin/python3; export PATH=/run/bin:$PATH
cargo build --target wasm32-wasip1'
