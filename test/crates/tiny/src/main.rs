//! What `python3` is: the smallest program that embeds it.
use std::ffi::{c_char, c_int, CString};

fn main() {
    let words: Vec<CString> = std::env::args().map(|word| CString::new(word).unwrap()).collect();
    let mut argv: Vec<*mut c_char> = words.iter().map(|word| word.as_ptr().cast_mut()).collect();
    // SAFETY: the words outlive the call.
    std::process::exit(unsafe { pyo3_ffi::Py_BytesMain(argv.len() as c_int, argv.as_mut_ptr()) });
}
