# The crate git-version, which runs git from a macro.
. "$(dirname "$0")/lib.sh"
cp -r "$HERE/../../crates/wants/git" "$PLACE/git"; cd "$PLACE/git" || exit
printf 'schema: 1\nextends: aarch64\n' > provision.yaml
"$PROVISION" exec ${STORE:+--store "$STORE"} -- env CARGO_TERM_COLOR=never cargo build 2>&1 | sed -E '/^(lock|toolchain|sysroot|engine): /d' | scrub
