# Cargo.lock in a format that is not there yet (the machine's cargo).
. "$(dirname "$0")/lib.sh"
outside "$CRATE"'; crate small ""; printf "version = 9\n" > Cargo.lock; cargo fetch --locked'
