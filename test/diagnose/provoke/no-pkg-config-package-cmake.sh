# A CMake project that requires a library of pkg-config, beside one that it asks for only.
. "$(dirname "$0")/lib.sh"
cp -r "$HERE/../../crates/wants/cmake" "$PLACE/cmake"; cd "$PLACE/cmake" || exit
printf 'schema: 1\nextends: aarch64\ntoolchain: {packages: [cmake]}\n' > provision.yaml
sed -i 's/^add_library/find_package(PkgConfig)\npkg_check_modules(SASL libsasl2)\npkg_check_modules(LZ4 REQUIRED liblz4)\n&/' c/CMakeLists.txt
"$PROVISION" lock ${STORE:+--store "$STORE"} > /dev/null
"$PROVISION" exec ${STORE:+--store "$STORE"} -- env CARGO_TERM_COLOR=never cargo build 2>&1 | sed -E '/^(lock|toolchain|sysroot|engine): /d' | scrub
