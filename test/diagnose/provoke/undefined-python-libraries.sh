# Debian's static libpython3.13 without the libraries beside it (expat, zlib, HACL's SHA-2, which no package has).
. "$(dirname "$0")/lib.sh"
# The package is a blob of the store, from the lock of the sysroot.
digest=$(grep -o 'libpython3\.13-dev_[^"]*_amd64\.deb[^}]*' "$HERE/../../../sysroots/packaged/cpython-3.13/x86_64.lock" | grep -o '[0-9a-f]\{64\}' | head -1)
dpkg-deb -x "${STORE:-$HOME/.cache/provision/store}/blobs/sha256/$digest" "$PLACE/package"
cat "$PLACE"/package/usr/lib/x86_64-linux-gnu/libpython3.13.a | inside native 'cd /run; cat > libpython3.13.a; mkdir lib; mv libpython3.13.a lib/
echo "extern void Py_Initialize(void); int main(void) { Py_Initialize(); return 0; }" > x.c
clang-19 -no-pie -fuse-ld=lld-19 -Llib -o x x.c -lpython3.13 -lm -Wl,--error-limit=50'
