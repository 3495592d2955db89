# cargo's target folder on a file system of 200 kilobytes. Needs root.
. "$(dirname "$0")/lib.sh"
mkdir "$PLACE/full"; mount -t tmpfs -o size=200k none "$PLACE/full"; trap 'umount "$PLACE/full"; rm -rf "$PLACE"' EXIT
outside "$CRATE"'; crate "$PWD/crate" "libc = \"0.2\""; CARGO_TARGET_DIR=$OLDPWD/full cargo build'
