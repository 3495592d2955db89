# The crate git-version, which runs `git describe`, where of the repository HEAD and its branch are seen.
. "$(dirname "$0")/lib.sh"
cp -r "$HERE/../../crates/wants/git" "$PLACE/git"; cd "$PLACE/git" || exit
git init -q . && git add . && git -c user.name=a -c user.email=a@example.org commit -qm one
printf 'schema: 1\nextends: aarch64\ntoolchain: {packages: [git]}\n' > provision.yaml
"$PROVISION" lock ${STORE:+--store "$STORE"} > /dev/null
"$PROVISION" exec ${STORE:+--store "$STORE"} -- env CARGO_TERM_COLOR=never cargo build 2>&1 | sed -E '/^(lock|toolchain|sysroot|engine): /d' | scrub
