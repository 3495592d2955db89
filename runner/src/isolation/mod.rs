//! `isolate --isolate=process|fork|interpreter`: several scripts, apart from each other.
//!
//! Each has its own arguments, environment, working folder, standard streams and exit status, and comes back as one line of
//! JSON when it has ended. With `interpreter` they share a process, and each has an interpreter with a lock of its own.

use std::ffi::c_int;

use crate::home::print_error;
use crate::interpreter::Arguments;

// Before 3.12 there are processes only, which need less.
#[cfg(target_os = "linux")]
#[cfg_attr(not(Py_3_12), allow(dead_code))]
mod job;
#[cfg(target_os = "linux")]
mod json;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
#[cfg_attr(not(Py_3_12), allow(dead_code))]
mod output;
#[cfg(target_os = "linux")]
mod processes;
#[cfg(target_os = "linux")]
#[cfg_attr(not(Py_3_12), allow(dead_code))]
mod source;
#[cfg(target_os = "linux")]
#[cfg_attr(not(Py_3_12), allow(dead_code))]
mod system;

#[cfg(all(target_os = "linux", Py_3_12))]
mod interpreter;
#[cfg(all(target_os = "linux", Py_3_12))]
mod pool;
#[cfg(all(target_os = "linux", Py_3_12))]
mod slot;
#[cfg(all(target_os = "linux", Py_3_12))]
mod worker;

/// Status of python3 for an invalid command line.
const USAGE: c_int = 2;

/// Runs the scripts. The result is the exit status: 0 if each of them ended with 0, 2 if none could be started, else 1.
#[cfg(target_os = "linux")]
pub fn run(arguments: Arguments) -> c_int {
    use options::{Isolation, Options};

    let mut options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(why) => return refuse(format_args!("{why}.\n  usage: {}", options::USAGE)),
    };
    // A script, or the process of the interpreters, may have ended when something is written to it.
    system::set_signal(libc::SIGPIPE, libc::SIG_IGN);
    let source = source::Source::new(&mut options);
    match options.isolation {
        Isolation::Process => processes::run(&options, source, processes::Launcher::again(arguments)),
        #[cfg(Py_3_12)]
        Isolation::Fork => match processes::Launcher::warm(arguments) {
            Ok(launcher) => processes::run(&options, source, launcher),
            Err(status) => status,
        },
        #[cfg(Py_3_12)]
        Isolation::Interpreter => pool::run(&options, source, arguments),
        #[cfg(not(Py_3_12))]
        other => refuse(format_args!(
            "--isolate={} needs CPython 3.12: interpreters with a lock of their own came with it (PEP 684).\n\
             \x20 fix: --isolate=process, or a newer Python.",
            other.name()
        )),
    }
}

/// Everything that it is made of is missing: processes, threads, pipes.
#[cfg(not(target_os = "linux"))]
pub fn run(_: Arguments) -> c_int {
    refuse(format_args!(
        "--isolate runs scripts in processes, or in threads with files of their own, and this system has neither.\n\
         \x20 fix: start the program once for each script."
    ))
}

fn refuse(why: std::fmt::Arguments) -> c_int {
    print_error(why);
    USAGE
}
