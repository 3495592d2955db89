//! Python, zlib, SQLite and OpenSSL in one program, each through its own `-sys` crate.
use std::ffi::{c_char, c_int, c_ulong, CStr, CString};

use pyo3::prelude::*;

extern "C" {
    fn OpenSSL_version_num() -> c_ulong;
}

fn main() -> PyResult<()> {
    let script = std::env::args().nth(1).expect("a script");
    let code = CString::new(std::fs::read(script).expect("a readable script")).expect("text");
    // SAFETY: functions without arguments that give numbers and static text.
    let (zlib, sqlite, openssl) = unsafe {
        let sqlite: *const c_char = libsqlite3_sys::sqlite3_libversion();
        (CStr::from_ptr(libz_sys::zlibVersion()), CStr::from_ptr(sqlite), OpenSSL_version_num() >> 28)
    };
    let threads: c_int = unsafe { libsqlite3_sys::sqlite3_threadsafe() };
    let _ = openssl_sys::init;
    Python::attach(|py| {
        let main = py.import("__main__")?;
        main.setattr("linked", (zlib.to_str().unwrap(), sqlite.to_str().unwrap(), openssl, threads >= 0))?;
        py.run(&code, None, None)?;
        py.run(c"import sys; sys.stdout.flush()", None, None)
    })
}
