# A build script whose shell script calls git and python3.
. "$(dirname "$0")/lib.sh"
inside aarch64 "$CRATE"'; crate /run/crate ""
cat > build.rs <<"RUST"
fn main() {
    let done = std::process::Command::new("sh").args(["-ec", "git describe --always; python3 generate.py"]).status();
    assert!(done.unwrap().success());
}
RUST
cargo build'
