# The same with the cargo feature that it names.
. "$(dirname "$0")/lib.sh"
outside "$CRATE"'; crate crate "[profile.release]\npanic = \"immediate-abort\""
sed -i "1i cargo-features = [\"panic-immediate-abort\"]" Cargo.toml
cargo build --release'
