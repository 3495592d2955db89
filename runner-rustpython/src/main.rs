//! `isolate-rustpython script.py [args…]`: RustPython, which behaves like `python3 script.py [args…]` as far as it can,
//! with its standard library inside of the program.
use std::process::ExitCode;

use rustpython::{InterpreterBuilder, InterpreterBuilderExt};

fn main() -> ExitCode {
    rustpython::run(InterpreterBuilder::new().init_stdlib())
}
