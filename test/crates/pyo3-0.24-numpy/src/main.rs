//! Runs a script in a Python that PyO3 starts by itself, as its guide shows it; limited to the stable ABI.
use std::ffi::CString;

use pyo3::prelude::*;

fn main() -> PyResult<()> {
    let script = std::env::args().nth(1).expect("a script");
    let code = CString::new(std::fs::read(script).expect("a readable script")).expect("text");
    Python::with_gil(|py| {
        py.run(&code, None, None)?;
        py.run(c"import sys; sys.stdout.flush()", None, None)
    })
}
