use sha2::Digest;
lazy_static::lazy_static! { static ref WORD: &'static str = "word"; }
fn main() {
    let _guard = scopeguard::guard((), |()| ());
    cfg_if::cfg_if! { if #[cfg(unix)] { let word = *WORD; } else { let word = ""; } }
    println!("cargo:rustc-env=HASH={:x}", sha2::Sha256::digest(word.as_bytes()));
}
