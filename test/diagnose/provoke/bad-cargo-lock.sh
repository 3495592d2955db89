# A package of Cargo.lock without its version, as a merge leaves it (the machine's cargo).
. "$(dirname "$0")/lib.sh"
outside "$CRATE"'; crate small ""; printf "version = 4\n\n[[package]]\nname = \"small\"\n" > Cargo.lock; cargo fetch --locked'
