//! Runs a script with a module of its own in whatever CPython 3.11 or newer it finds: it is compiled against the stable ABI.
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What the script imports as `stable`.
#[pymodule(gil_used = false)]
mod stable {
    use pyo3::prelude::*;

    /// A sum that is made in Rust.
    #[pyfunction]
    fn total(numbers: Vec<i64>) -> i64 {
        numbers.iter().sum()
    }

    /// A class that is made in Rust.
    #[pyclass]
    struct Counter {
        count: usize,
    }

    #[pymethods]
    impl Counter {
        #[new]
        fn new() -> Self {
            Counter { count: 0 }
        }

        fn __call__(&mut self) -> usize {
            self.count += 1;
            self.count
        }
    }
}

fn main() -> PyResult<()> {
    let script = std::env::args().nth(1).expect("a script");
    let code = std::ffi::CString::new(std::fs::read(script).expect("a readable script")).expect("text");
    pyo3::append_to_inittab!(stable);
    Python::attach(|py| {
        let globals = PyDict::new(py);
        globals.set_item("__name__", "__main__")?;
        py.run(&code, Some(&globals), None)?;
        py.run(c"import sys; sys.stdout.flush()", None, None)
    })
}
