//! Runs a script in a Python that PyO3 starts; for `panic.py`, behind a panic that it catches, the second half.
mod outcome;

use std::ffi::CString;

use pyo3::prelude::*;

fn main() {
    let script = std::env::args().nth(1).expect("a script");
    let text = std::fs::read_to_string(&script).expect("a readable script");
    let mut lines = text.as_str();
    if script.ends_with("panic.py") {
        outcome::catch();
        lines = lines.split_once('\n').expect("two lines").1;
    }
    let code = CString::new(lines).expect("text");
    assert_eq!(env!("BUILT"), "yes");
    Python::attach(|py| {
        let ended = py.run(&code, None, None);
        // Ends the process with the status of `sys.exit`.
        if let Err(error) = ended {
            error.print(py);
        }
        py.run(c"import sys; sys.stdout.flush()", None, None).expect("a standard output");
    });
}
