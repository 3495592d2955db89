# C++ for a sysroot that has the C library alone.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate "[build-dependencies]\ncc = \"=1.2.30\""
echo "#include <map>" > a.cc; echo "fn main() { cc::Build::new().cpp(true).file(\"a.cc\").compile(\"a\"); }" > build.rs
CXX=clang++-19 CXXFLAGS="--target=aarch64-linux-gnu --sysroot=/sysroot" cargo build'
