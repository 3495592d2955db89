//! The command line of `--isolate`.

use std::collections::VecDeque;
use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::thread;
use std::time::Duration;

use super::job::Job;
use crate::interpreter::Arguments;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Isolation {
    /// A process for each script, started anew.
    Process,
    /// A process for each script, forked from one whose interpreter is initialised.
    Fork,
    /// An interpreter for each script, in one process.
    Interpreter,
}

impl Isolation {
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Fork => "fork",
            Self::Interpreter => "interpreter",
        }
    }
}

pub struct Options {
    pub isolation: Isolation,
    /// How many scripts run at the same time.
    pub jobs: usize,
    /// An interpreter runs one script after the other.
    pub reuse: bool,
    /// That of scripts without one of their own.
    pub deadline: Option<Duration>,
    pub summary: bool,
    /// The scripts of the command line; None: they are read from standard input.
    pub list: Option<VecDeque<Job>>,
}

pub const USAGE: &str = "isolate --isolate=process|fork|interpreter [--jobs N] [--reuse] [--deadline SECONDS] [--summary] \
                         [-- SCRIPT [ARGUMENT...]]...";

impl Options {
    /// Reads the command line behind the program's name. The error is one sentence without a full stop.
    pub fn parse(arguments: Arguments) -> Result<Self, String> {
        let mut words = arguments.words().map(CStr::to_bytes).peekable();
        let isolation = match words.next().and_then(|word| word.strip_prefix(b"--isolate=")) {
            Some(b"process") => Isolation::Process,
            Some(b"fork") => Isolation::Fork,
            Some(b"interpreter") => Isolation::Interpreter,
            _ => return Err("--isolate takes process, fork or interpreter: --isolate=interpreter".into()),
        };
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        let mut options = Self { isolation, jobs, reuse: false, deadline: None, summary: false, list: None };
        while let Some(word) = words.next_if(|word| *word != b"--") {
            let mut number = || words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse::<f64>().ok());
            match word {
                b"--reuse" => options.reuse = true,
                b"--summary" => options.summary = true,
                b"--jobs" => match number() {
                    Some(count) if (1.0..=1000.0).contains(&count) && count.fract() == 0.0 => {
                        options.jobs = count as usize;
                    }
                    _ => return Err("--jobs takes a whole number from 1 to 1000".into()),
                },
                b"--deadline" => match number().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
                    Some(deadline) if !deadline.is_zero() => options.deadline = Some(deadline),
                    _ => return Err("--deadline takes a number of seconds above 0".into()),
                },
                _ => return Err(format!("there is no option {}", String::from_utf8_lossy(word))),
            }
        }
        if options.reuse && isolation != Isolation::Interpreter {
            return Err("--reuse is for --isolate=interpreter: a process runs one script".into());
        }
        if words.next().is_some() {
            let words: Vec<_> = words.map(|word| OsStr::from_bytes(word).to_os_string()).collect();
            options.list = Some(jobs_of(&words)?);
        }
        Ok(options)
    }
}

fn jobs_of(words: &[OsString]) -> Result<VecDeque<Job>, String> {
    let commands = words.split(|word| word == "--").enumerate();
    let jobs = commands.map(|(index, command)| match command {
        [script, arguments @ ..] => {
            Ok(Job { index, script: script.clone(), arguments: arguments.to_vec(), ..Job::default() })
        }
        [] => Err("behind -- comes a script".to_string()),
    });
    jobs.collect()
}
