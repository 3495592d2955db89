//! Runs on the machine that builds, compiled by a profile's `build-override`.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=BUILT=yes");
}
