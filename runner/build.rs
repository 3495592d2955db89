//! Passes the version of Python to the compiler (`Py_3_12`).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    pyo3_build_config::use_pyo3_cfgs();
}
