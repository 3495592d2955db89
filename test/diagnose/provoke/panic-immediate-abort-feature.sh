# The same with the cargo feature that a nightly cargo wants for it.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "[profile.release]\npanic = \"immediate-abort\""
sed -i "1i cargo-features = [\"panic-immediate-abort\"]" Cargo.toml
cargo build --release'
