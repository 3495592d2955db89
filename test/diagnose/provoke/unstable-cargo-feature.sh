# A feature of cargo that is not stable, asked for in a manifest, with the machine's own cargo (1.95).
. "$(dirname "$0")/lib.sh"
outside "$CRATE"'; crate crate "[profile.release]\nrustflags = [\"-Ctarget-cpu=native\"]"
sed -i "1i cargo-features = [\"profile-rustflags\"]" Cargo.toml
cargo build --release'
