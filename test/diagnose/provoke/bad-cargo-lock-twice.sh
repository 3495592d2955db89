# A package that Cargo.lock has twice, as after both sides of a merge were taken (the machine's cargo).
. "$(dirname "$0")/lib.sh"
outside "$CRATE"'; crate small ""; printf "version = 4\n\n[[package]]\nname = \"small\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"small\"\nversion = \"0.1.0\"\n" > Cargo.lock; cargo fetch --locked'
