# A CMake project that goes on without a library that pkg-config does not find, and includes a header that is not there.
. "$(dirname "$0")/lib.sh"
cp -r "$HERE/../../crates/wants/cmake" "$PLACE/cmake"; cd "$PLACE/cmake" || exit
printf 'schema: 1\nextends: aarch64\ntoolchain: {packages: [cmake]}\n' > provision.yaml
sed -i 's/^add_library/find_package(PkgConfig)\npkg_check_modules(SASL libsasl2)\n&/' c/CMakeLists.txt
sed -i '1i #include <curl/curl.h>' c/answer.c
"$PROVISION" lock ${STORE:+--store "$STORE"} > /dev/null
"$PROVISION" exec ${STORE:+--store "$STORE"} -- env CARGO_TERM_COLOR=never cargo build 2>&1 | sed -E '/^(lock|toolchain|sysroot|engine): /d' | scrub
