//! Runs a script in a Python that PyO3 starts by itself, as its guide shows it.
use pyo3::prelude::*;

fn main() -> PyResult<()> {
    let script = std::env::args().nth(1).expect("a script");
    let code = std::fs::read_to_string(script).expect("a readable script");
    Python::with_gil(|py| {
        py.run_bound(&code, None, None)?;
        py.run_bound("import sys; sys.stdout.flush()", None, None)
    })
}
