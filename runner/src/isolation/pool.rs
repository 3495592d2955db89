//! Interpreters in a process of their own, which this one watches: if it ends, this one says so and starts another.

use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::{mem, process};

use super::job::{Ending, Job, Record};
use super::options::Options;
use super::output::Output;
use super::source::Source;
use super::{system, worker};
use crate::home::print_error;
use crate::interpreter::Arguments;

/// Jobs in the worker for each slot: the next one is there when a script ends.
const AHEAD: usize = 2;

/// By how many kB the process of the interpreters may grow before another takes its place: what an interpreter leaves behind
/// when it ends is freed with the process.
const GROWTH: u64 = 128 << 10;

/// Runs all jobs. The result is the exit status of the program.
pub fn run(options: &Options, mut source: Source, arguments: Arguments) -> c_int {
    let mut output = Output::new();
    // The last one is given jobs; those before it run what they have.
    let mut workers: Vec<Worker> = Vec::new();
    loop {
        if !source.is_done() && workers.last().is_none_or(Worker::is_retired) {
            match Worker::start(options, arguments) {
                Ok(worker) => workers.push(worker),
                Err(error) => {
                    print_error(format_args!("the process for the interpreters cannot be made: {error}"));
                    return super::USAGE;
                }
            }
        }
        if let Some(worker) = workers.last_mut() {
            worker.give(options, &mut source, &mut output);
        }
        if workers.is_empty() {
            return output.finish(options);
        }
        let readable = wait(&workers, &mut source, options);
        let mut running = Vec::new();
        for (mut worker, readable) in workers.into_iter().zip(readable) {
            if readable && !worker.read(&mut output) {
                if let Err(status) = worker.end(&mut source, &mut output) {
                    return status;
                }
                continue;
            }
            worker.renew_if_grown(&source);
            running.push(worker);
        }
        workers = running;
    }
}

/// Waits for records, and for jobs if some are wanted. The result is whether each worker said something.
fn wait(workers: &[Worker], source: &mut Source, options: &Options) -> Vec<bool> {
    let hungry = workers.last().is_some_and(|worker| worker.wants(options));
    let wanted = if hungry { source.waiting() } else { None };
    let mut files: Vec<_> = workers.iter().map(|worker| system::readable(worker.records.as_raw_fd())).collect();
    files.extend(wanted);
    system::wait(&mut files, None);
    if wanted.is_some() && files.last().is_some_and(|stdin| stdin.revents != 0) {
        source.read();
    }
    files.iter().take(workers.len()).map(|file| file.revents != 0).collect()
}

struct Given {
    job: Job,
    started: bool,
    /// What there is of a script that cannot be ended.
    stuck: Option<String>,
}

struct Worker {
    pid: libc::pid_t,
    /// None: it gets no more of them, and ends by itself when it has run those it has.
    jobs: Option<File>,
    records: File,
    rest: Vec<u8>,
    given: Vec<Given>,
    /// Resident memory in kB when it was ready.
    small: Option<u64>,
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
                if let Ok(nothing) = File::options().read(true).write(true).open("/dev/null") {
                    let nothing = nothing.into();
                    drop(system::replace_stream(&nothing, libc::STDIN_FILENO));
                    drop(system::replace_stream(&nothing, libc::STDOUT_FILENO));
                }
                // Those of the other workers, too: a pipe ends when nobody holds it.
                system::keep_alone([&from_supervisor, &to_supervisor]);
                mem::forget((jobs, records));
                process::exit(worker::run(options, arguments, from_supervisor, to_supervisor))
            }
            _ => Ok(Self {
                pid,
                jobs: Some(jobs.into()),
                records: records.into(),
                rest: Vec::new(),
                given: Vec::new(),
                small: None,
            }),
        }
    }

    fn is_retired(&self) -> bool {
        self.jobs.is_none()
    }

    fn wants(&self, options: &Options) -> bool {
        !self.is_retired() && self.given.len() < options.jobs * AHEAD
    }

    fn give(&mut self, options: &Options, source: &mut Source, output: &mut Output) {
        while self.wants(options) {
            match (source.take(), &mut self.jobs) {
                (Some(Err(record)), _) => output.write(&record),
                (Some(Ok(job)), Some(jobs)) => {
                    // If the process has ended, its records end, too.
                    drop(jobs.write_all(format!("{} {}\n", job.index, job.to_line()).as_bytes()));
                    self.given.push(Given { job, started: false, stuck: None });
                }
                _ => break,
            }
        }
        if source.is_done() {
            self.jobs = None;
        }
    }

    /// Gives it no more jobs if it has grown.
    fn renew_if_grown(&mut self, source: &Source) {
        let grown = self.small.is_some_and(|small| system::resident(self.pid) > small + GROWTH);
        if grown && !source.is_done() {
            self.jobs = None;
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
            if what == "ready" {
                self.small = Some(system::resident(self.pid));
            }
            return;
        };
        match what {
            "started" => self.given[at].started = true,
            "stuck" => {
                self.given[at].stuck = Some(rest.to_string());
                // It has a place less for ever.
                self.jobs = None;
            }
            _ => {
                self.given.remove(at);
                let (succeeded, record) = rest.split_once(' ').unwrap_or_default();
                output.write_line(record, succeeded == "1");
            }
        }
        let hopeless = |given: &Given| given.stuck.is_some() || !given.started;
        if self.given.iter().any(|given| given.stuck.is_some()) && self.given.iter().all(hopeless) {
            system::kill(self.pid);
        }
    }

    /// Says what was lost with the process, and gives back what it had not started. The error is the exit status of a process
    /// that ended before it could run anything, with a message of its own.
    fn end(mut self, source: &mut Source, output: &mut Output) -> Result<(), c_int> {
        let exit = system::reap(self.pid, true);
        output.peak = output.peak.max(exit.as_ref().map_or(0, |exit| exit.peak));
        let status = exit.map_or(Ok(0), |exit| exit.status);
        if self.small.is_none() {
            return Err(status.unwrap_or_else(|signal| 128 + signal));
        }
        if let (false, Some(first)) = (self.given.iter().any(|given| given.started), self.given.first_mut()) {
            // It ended between two scripts; the next one must not wait for ever.
            first.started = true;
        }
        let running = self.given.iter().filter(|given| given.started && given.stuck.is_none()).count();
        let why = lost(status, running);
        for given in self.given.into_iter().rev() {
            match given {
                Given { stuck: Some(record), .. } => output.write_line(&record, false),
                Given { job, started: true, .. } => {
                    output.write(&Record::without_output(&job, Ending::Lost(why.clone())));
                }
                Given { job, .. } => source.give_back(job),
            }
        }
        Ok(())
    }
}

fn lost(status: Result<i32, i32>, running: usize) -> String {
    let how = match status {
        Ok(status) => format!("exited with status {status}"),
        Err(number) => format!("was ended by signal {number}{}", name_of(number)),
    };
    let who = if running > 1 {
        format!("{running} scripts ran in it, one of which ended it")
    } else {
        "this script ended it".into()
    };
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
