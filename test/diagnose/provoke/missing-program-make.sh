# A makefile that calls bison.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate ""
printf "all:\n\tbison -o grammar.c grammar.y\n" > Makefile
echo "fn main() { assert!(std::process::Command::new(\"make\").status().unwrap().success()); }" > build.rs; cargo build'
