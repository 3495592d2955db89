//! Interpreters in a process of their own, which this one watches: if it ends, this one says so and starts another.

use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::process;

use super::job::{Ending, Job, Record};
use super::options::Options;
use super::output::Output;
use super::source::Source;
use super::{system, worker};
use crate::home::print_error;
use crate::interpreter::Arguments;

/// Jobs in the worker for each slot: the next one is there when a script ends.
const AHEAD: usize = 2;

/// Runs all jobs. The result is the exit status of the program.
pub fn run(options: &Options, mut source: Source, arguments: Arguments) -> c_int {
    let mut output = Output::new();
    loop {
        let worker = match Worker::start(options, arguments) {
            Ok(worker) => worker,
            Err(error) => {
                print_error(format_args!("the process for the interpreters cannot be made: {error}"));
                return super::USAGE;
            }
        };
        match worker.serve(options, &mut source, &mut output) {
            Served::All => return output.finish(options),
            Served::Ended => {}
            Served::NotStarted(status) => return status,
        }
    }
}

enum Served {
    All,
    /// The process ended, and there is more to do.
    Ended,
    /// It ended before it could run anything, with this status and a message of its own.
    NotStarted(c_int),
}

struct Given {
    job: Job,
    started: bool,
    /// What there is of a script that cannot be ended.
    stuck: Option<String>,
}

struct Worker {
    pid: libc::pid_t,
    jobs: File,
    records: File,
    rest: Vec<u8>,
    given: Vec<Given>,
    ready: bool,
}

impl Worker {
    fn start(options: &Options, arguments: Arguments) -> io::Result<Self> {
        let (from_supervisor, jobs) = system::pipe()?;
        let (records, to_supervisor) = system::pipe()?;
        // SAFETY: this process has one thread.
        let pid = unsafe { libc::fork() };
        match pid {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                system::end_with_parent();
                drop((jobs, records));
                if let Ok(nothing) = File::options().read(true).write(true).open("/dev/null") {
                    let nothing = nothing.into();
                    drop(system::replace_stream(&nothing, libc::STDIN_FILENO));
                    drop(system::replace_stream(&nothing, libc::STDOUT_FILENO));
                }
                process::exit(worker::run(options, arguments, from_supervisor, to_supervisor))
            }
            _ => Ok(Self {
                pid,
                jobs: jobs.into(),
                records: records.into(),
                rest: Vec::new(),
                given: Vec::new(),
                ready: false,
            }),
        }
    }

    fn serve(mut self, options: &Options, source: &mut Source, output: &mut Output) -> Served {
        loop {
            // A process that cannot end a script gets no more of them.
            let stuck = self.given.iter().any(|given| given.stuck.is_some());
            if !stuck {
                self.give(options, source, output);
            }
            if self.given.is_empty() && source.is_done() {
                drop(self.jobs);
                output.peak = output.peak.max(system::reap(self.pid, true).map_or(0, |exit| exit.peak));
                return Served::All;
            }
            if stuck && self.given.iter().all(|given| given.stuck.is_some() || !given.started) {
                system::kill(self.pid);
                return self.end(source, output);
            }
            let wanted = if self.given.len() < options.jobs * AHEAD { source.waiting() } else { None };
            let mut files: Vec<_> = wanted.into_iter().collect();
            files.push(system::readable(self.records.as_raw_fd()));
            system::wait(&mut files, None);
            if wanted.is_some() && files.first().is_some_and(|stdin| stdin.revents != 0) {
                source.read();
            }
            if files.last().is_some_and(|records| records.revents != 0) && !self.read(output) {
                return self.end(source, output);
            }
        }
    }

    fn give(&mut self, options: &Options, source: &mut Source, output: &mut Output) {
        while self.given.len() < options.jobs * AHEAD {
            match source.take() {
                None => return,
                Some(Err(record)) => output.write(&record),
                Some(Ok(job)) => {
                    // If the process has ended, its records end, too.
                    drop(self.jobs.write_all(format!("{} {}\n", job.index, job.to_line()).as_bytes()));
                    self.given.push(Given { job, started: false, stuck: None });
                }
            }
        }
    }

    /// Reads what the worker says. False: it has ended.
    fn read(&mut self, output: &mut Output) -> bool {
        let mut buffer = [0; 65536];
        match self.records.read(&mut buffer) {
            Ok(0) => return false,
            Ok(count) => self.rest.extend_from_slice(&buffer[..count]),
            Err(error) => return error.kind() == io::ErrorKind::Interrupted,
        }
        let Some(end) = self.rest.iter().rposition(|&byte| byte == b'\n') else { return true };
        let lines: Vec<u8> = self.rest.drain(..=end).collect();
        for line in String::from_utf8_lossy(&lines).lines() {
            self.hear(line, output);
        }
        true
    }

    fn hear(&mut self, line: &str, output: &mut Output) {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let Some(at) = self.given.iter().position(|given| number.parse() == Ok(given.job.index)) else {
            self.ready |= what == "ready";
            return;
        };
        match what {
            "started" => self.given[at].started = true,
            "stuck" => self.given[at].stuck = Some(rest.to_string()),
            _ => {
                self.given.remove(at);
                let (succeeded, record) = rest.split_once(' ').unwrap_or_default();
                output.write_line(record, succeeded == "1");
            }
        }
    }

    /// Says what was lost with the process, and gives back what it had not started.
    fn end(mut self, source: &mut Source, output: &mut Output) -> Served {
        drop(self.jobs);
        let exit = system::reap(self.pid, true);
        output.peak = output.peak.max(exit.as_ref().map_or(0, |exit| exit.peak));
        let status = exit.map_or(Ok(0), |exit| exit.status);
        if !self.ready {
            return Served::NotStarted(status.unwrap_or_else(|signal| 128 + signal));
        }
        if let (false, Some(first)) = (self.given.iter().any(|given| given.started), self.given.first_mut()) {
            // It ended between two scripts; the next one must not wait for ever.
            first.started = true;
        }
        let running = self.given.iter().filter(|given| given.started && given.stuck.is_none()).count();
        let why = lost(status, running);
        let mut waiting = Vec::new();
        for given in self.given {
            match given {
                Given { stuck: Some(record), .. } => output.write_line(&record, false),
                Given { job, started: true, .. } => output.write(&Record::without_output(&job, Ending::Lost(why.clone()))),
                Given { job, .. } => waiting.push(job),
            }
        }
        for job in waiting.into_iter().rev() {
            source.give_back(job);
        }
        if source.is_done() { Served::All } else { Served::Ended }
    }
}

fn lost(status: Result<i32, i32>, running: usize) -> String {
    let how = match status {
        Ok(status) => format!("exited with status {status}"),
        Err(number) => format!("was ended by signal {number}{}", name_of(number)),
    };
    let who = if running > 1 { format!("{running} scripts ran in it, one of which ended it") } else { "this script ended it".into() };
    format!(
        "the process of the interpreters {how}: {who}. An interpreter cannot hold a crash, `os._exit` or a signal to its own \
         process; --isolate=process can"
    )
}

fn name_of(signal: i32) -> &'static str {
    match signal {
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGABRT => " (SIGABRT)",
        libc::SIGBUS => " (SIGBUS)",
        libc::SIGILL => " (SIGILL)",
        libc::SIGFPE => " (SIGFPE)",
        libc::SIGKILL => " (SIGKILL: by somebody, or because memory ran out)",
        libc::SIGTERM => " (SIGTERM)",
        libc::SIGINT => " (SIGINT)",
        _ => "",
    }
}
