# An unwinder made for a newer glibc (gcc 14's libgcc_eh) in the place of LLVM's, on musl.
. "$(dirname "$0")/lib.sh"
inside musl "$CRATE"'; crate /run/crate ""; mkdir -p /run/s/lib/rustlib
cp -r /sysroot/usr/lib/rustlib/x86_64-unknown-linux-musl /run/s/lib/rustlib/
cp /usr/lib/gcc/x86_64-linux-gnu/14/libgcc_eh.a /run/s/lib/rustlib/x86_64-unknown-linux-musl/lib/self-contained/libunwind.a
echo "fn main() { std::panic::catch_unwind(|| panic!()).ok(); }" > src/main.rs
RUSTFLAGS="--sysroot=/run/s -Clink-arg=-fuse-ld=lld-19" cargo build --target x86_64-unknown-linux-musl'
