# The same with the cargo of the machine.
. "$(dirname "$0")/lib.sh"
cp -r "$HERE/../../../runner/Cargo.toml" "$HERE/../../../runner/Cargo.lock" "$HERE/../../../runner/src" "$PLACE/"
outside 'sed -i "/^\[dependencies\]/a memchr = \"2\"" Cargo.toml; cargo build --locked'
