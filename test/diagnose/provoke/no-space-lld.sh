# lld on a file system of one megabyte, with cargo's target folder. Needs root.
. "$(dirname "$0")/lib.sh"
mkdir "$PLACE/full"; mount -t tmpfs -o size=1m none "$PLACE/full"; trap 'umount "$PLACE/full"; rm -rf "$PLACE"' EXIT
outside "$CRATE"'; crate "$PWD/crate" ""; CARGO_TARGET_DIR=$OLDPWD/full cargo build'
