# Cargo.toml asks for a crate that Cargo.lock does not have (cargo 1.85).
. "$(dirname "$0")/lib.sh"
inside aarch64 'mkdir /run/crate; cp -r /job/project/Cargo.* /job/project/src /run/crate/; cd /run/crate
sed -i "/^\[dependencies\]/a once_cell = \"1\"\nmemchr = \"2\"" Cargo.toml
cargo build --locked'
