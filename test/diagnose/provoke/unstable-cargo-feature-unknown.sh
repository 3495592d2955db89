# A feature that only newer versions of cargo know.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate ""
sed -i "1i cargo-features = [\"script\"]" Cargo.toml
cargo build --release'
