# What bindgen loads libclang with, in a toolchain without it.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "[build-dependencies]\nclang-sys = { version = \"=1.8.1\", features = [\"runtime\"] }"
echo "fn main() { clang_sys::load().expect(\"libclang\"); }" > build.rs; cargo build'
