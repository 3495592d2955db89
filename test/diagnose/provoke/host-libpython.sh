# The libpython of the building machine on the link line of another target.
. "$(dirname "$0")/lib.sh"
inside aarch64 'cd /job/project; mkdir -p /run/host; echo "int Py_Initialize(void) { return 0; }" > /run/host/p.c
cc -shared -o /run/host/libpython3.13.so /run/host/p.c
printf "implementation=CPython\nversion=3.13\nshared=true\nabi3=false\nlib_name=python3.13\nlib_dir=/run/host\npointer_width=64\nbuild_flags=\nsuppress_build_script_link_lines=false\n" > /run/config.txt
rm -f /run/x; export RUSTFLAGS="$STD -Clink-arg=--target=aarch64-linux-gnu -Clink-arg=--sysroot=/sysroot -Clink-arg=-fuse-ld=lld-19" PYO3_CONFIG_FILE=/run/config.txt CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=clang-19
cargo build --locked --target aarch64-unknown-linux-gnu'
