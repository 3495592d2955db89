//! The process that holds the interpreters. It reads jobs from one pipe and writes what becomes of them to another.
//!
//! To it: `<index> <job as JSON>`. From it: `ready`, `started <index>`, `ended <index> <0|1> <record>` (1: with status 0),
//! `stuck <index> <record>` (the script cannot be ended; it holds a slot until the process is killed).

use std::ffi::c_int;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::mem;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use pyo3::ffi;

use super::interpreter::Preparation;
use super::job::Job;
use super::options::Options;
use super::slot::{Outcome, Shared, Slot};
use super::system;
use crate::interpreter::{self, ArgumentParsing, Arguments};

/// Where the system does not limit the stack of a main thread.
const STACK: usize = 8 << 20;

/// Runs until the first pipe ends. The result is the exit status of the process.
pub fn run(options: &Options, arguments: Arguments, jobs: OwnedFd, records: OwnedFd) -> c_int {
    let alone = arguments.program_only();
    if let Err(status) = interpreter::initialize(alone, alone, ArgumentParsing::Full) {
        return status;
    }
    // Python's handler would keep the signal for an interpreter that runs nothing.
    system::set_signal(libc::SIGINT, libc::SIG_DFL);
    let Some(preparation) = Preparation::compile() else { return 1 };
    // Its types are in one table for all interpreters. When the last interpreter that has them ends, CPython before 3.14 clears
    // them while another may be taking them: this interpreter has them, and never ends.
    Preparation::import(c"_datetime");
    // SAFETY: the main interpreter is attached to this thread, which does nothing with Python any more.
    unsafe { ffi::PyEval_SaveThread() };
    let shared =
        Arc::new(Shared { preparation, program: arguments.program(), reused: options.reuse, stack: stack_size() });
    let records = Arc::new(Mutex::new(File::from(records)));
    let (sender, receiver) = mpsc::channel();
    let receiver = Arc::new(Mutex::new(receiver));
    let slots: Vec<_> = (0..options.jobs)
        .map(|_| {
            let (shared, receiver, records) = (shared.clone(), receiver.clone(), records.clone());
            thread::spawn(move || serve(Slot::new(shared), &receiver, &records))
        })
        .collect();
    say(&records, "ready");
    for line in BufReader::new(File::from(jobs)).split(b'\n') {
        let Ok(line) = line else { break };
        if let Some(job) = read_job(&line) {
            drop(sender.send(job));
        }
    }
    drop(sender);
    for slot in slots {
        drop(slot.join());
    }
    0
}

/// A line of the supervisor's, which has read the job itself before.
fn read_job(line: &[u8]) -> Option<Job> {
    let blank = line.iter().position(|&byte| byte == b' ')?;
    let index = std::str::from_utf8(&line[..blank]).ok()?.parse().ok()?;
    Job::parse(&line[blank + 1..], index).ok()
}

fn serve(mut slot: Slot, jobs: &Mutex<Receiver<Job>>, records: &Mutex<File>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { break };
        let index = job.index;
        say(records, &format!("started {index}"));
        match slot.run(job) {
            Outcome::Ended(record) => {
                say(records, &format!("ended {index} {} {}", i32::from(record.succeeded()), record.to_line()));
            }
            Outcome::Stuck(record) => {
                say(records, &format!("stuck {index} {}", record.to_line()));
                return;
            }
        }
    }
    slot.end();
}

fn say(records: &Mutex<File>, line: &str) {
    let mut file = records.lock().unwrap_or_else(PoisonError::into_inner);
    // Without a supervisor there is nobody to tell; this process ends with it.
    drop(file.write_all(format!("{line}\n").as_bytes()));
}

/// Size of the stack that the system gives the main thread of a process.
fn stack_size() -> usize {
    let mut limit = mem::MaybeUninit::<libc::rlimit>::zeroed();
    // SAFETY: the call fills the structure; where it does not, it is zero.
    let soft = unsafe {
        libc::getrlimit(libc::RLIMIT_STACK, limit.as_mut_ptr());
        limit.assume_init().rlim_cur
    };
    if soft == 0 || soft == libc::RLIM_INFINITY { STACK } else { soft as usize }
}
