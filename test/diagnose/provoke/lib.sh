# Shared by the scripts beside it: each provokes one blocker for real and prints what the tools say.
# PROVISION: the launcher; STORE: a store with the recipes' trees. Both have defaults.
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
PROVISION=${PROVISION:-$HERE/../../../provision}
PLACE=$(mktemp -d)
trap 'rm -rf "$PLACE"' EXIT

# Runs a script inside the toolchain of a recipe with nothing provisioned: no linker, no flags, no PyO3 variables.
# The target's sysroot is at /sysroot, the runner crate at /job/project. RUSTFLAGS with its std: $STD.
inside() {
  "$PROVISION" shell "$1" ${STORE:+--store "$STORE"} -- env -i PATH=/usr/bin:/bin HOME=/run/home \
    LANG=C.UTF-8 CARGO_HOME=/job/cargo CARGO_TARGET_DIR=/run/build CARGO_TERM_COLOR=never CARGO_HTTP_CAINFO=/job/ca.pem \
    STD=--sysroot=/sysroot/usr sh -c "exec 2>&1; mkdir -p /run/home; $2" 2>/dev/null | scrub
}

# Names of this machine and of the index that it is set to use.
scrub() {
  sed -e "s#$PLACE#/home/me#g" -e "s#${STORE:-$HOME/.cache/provision/store}#/home/me/store#g" -e "s#$HOME/\.#/home/me/.#g" -e 's#/tmp/#/run/tmp/#g' \
    -e 's#index\.[a-z.]*-[0-9a-f]\{16\}#registry#g' -e 's#Updating [a-z.]* index#Updating registry index#' -e 's#https://index\.[a-z.]*/#https://index.example/#g'
}

# A crate that does nothing but depend: crate <folder> <dependencies>
CRATE='crate() { mkdir -p "$1/src"; printf "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\n%b\n" "$2" > "$1/Cargo.toml"; echo "fn main() {}" > "$1/src/main.rs"; cd "$1"; }'

# Runs a script on the machine itself, with its own cargo, in a folder of its own.
outside() { (cd "$PLACE" && env -u CARGO_TARGET_DIR CARGO_TERM_COLOR=never sh -c "$1" 2>&1) | scrub; }

# A server on this machine that shows this certificate of the fixtures, and a crate that takes another one from its registry, with the
# certificate among those that are trusted: serves <certificate>
serves() {
  TLS=$HERE/../../fixtures/tls PORT=40443
  openssl s_server -quiet -accept $PORT -cert "$TLS/$1" -key "$TLS/key.pem" -WWW >/dev/null 2>&1 </dev/null &
  SERVER=$!
  trap 'kill $SERVER; rm -rf "$PLACE"' EXIT
  sleep 1
  export CARGO_HTTP_CAINFO="$TLS/$1" CARGO_NET_RETRY=0 CARGO_REGISTRIES_OWN_INDEX="sparse+https://localhost:$PORT/index/"
}
