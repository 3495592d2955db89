# Rust 1.85.1 without the standard library of the target.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /job/project; cargo build --locked --target aarch64-unknown-linux-gnu'
