# PyO3's feature auto-initialize with a config that says that libpython is static.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "pyo3 = { version = \"=0.30.1\", default-features = false, features = [\"auto-initialize\"] }"
ar rc /run/libpython3.13.a
printf "implementation=CPython\nversion=3.13\nshared=false\nabi3=false\nlib_name=python3.13\nlib_dir=/run\npointer_width=64\nbuild_flags=\nsuppress_build_script_link_lines=false\n" > /run/config.txt
export RUSTFLAGS=$STD PYO3_CONFIG_FILE=/run/config.txt
cargo build --target aarch64-unknown-linux-gnu'
