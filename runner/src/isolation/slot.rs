//! Scripts one after the other, each in an interpreter in a thread of its own. The slot reads their output and watches the time.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fs::File, io::Read, io::Write};

use super::interpreter::{Interpreter, Preparation, Running};
use super::job::{Ending, Job, Record};
use super::system::{self, ScriptEnds, Streams};

/// How long a script may take to end when it is told to.
const GRACE: Duration = Duration::from_secs(1);

/// What all slots have in common.
pub struct Shared {
    pub preparation: Preparation,
    /// The zeroth argument.
    pub program: &'static CStr,
    /// Whether an interpreter is used for the next script, too.
    pub reused: bool,
    /// Bytes of the stack of the main thread, which a script's is to have.
    pub stack: usize,
}

pub struct Slot {
    shared: Arc<Shared>,
    /// Its thread and interpreter, if they are used again.
    host: Option<Host>,
}

/// What a slot has to say of a script.
pub enum Outcome {
    Ended(Record),
    /// It cannot be ended, and its thread holds what it has until the process ends.
    Stuck(Record),
}

impl Slot {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, host: None }
    }

    pub fn run(&mut self, job: Job) -> Outcome {
        let started = Instant::now();
        if self.shared.reused && !job.stdin.is_empty() {
            let why = "with --reuse a script has no standard input: give it a file, or leave out --reuse";
            return Outcome::Ended(Record::without_output(&job, Ending::Refused(why.into())));
        }
        let host = match self.host.take() {
            Some(host) => Ok(host),
            None => Host::start(&self.shared, &job.stdin),
        };
        let mut host = match host {
            Ok(host) => host,
            Err(error) => {
                let why = format!("its streams or its thread cannot be made: {error}");
                return Outcome::Ended(Record::without_output(&job, Ending::Refused(why)));
            }
        };
        let mut record = Record::without_output(&job, Ending::TimedOut);
        let done = host.follow(job);
        (record.stdout, record.stderr) = host.streams.take_output();
        match done {
            Some((done, timed_out)) => {
                record.ending = if timed_out { Ending::TimedOut } else { done.ending };
                (record.cpu, record.refused) = (done.cpu, done.refused);
                if done.usable && !timed_out {
                    self.host = Some(host);
                } else {
                    host.end();
                }
                record.wall = started.elapsed();
                Outcome::Ended(record)
            }
            None => {
                record.wall = started.elapsed();
                Outcome::Stuck(record)
            }
        }
    }

    /// Ends the interpreter that is used again. The slot runs nothing afterwards.
    pub fn end(self) {
        if let Some(host) = self.host {
            host.end();
        }
    }
}

/// What a script's thread answers.
struct Done {
    ending: Ending,
    refused: String,
    cpu: Duration,
    /// Whether the interpreter can run another script.
    usable: bool,
}

/// A thread with files and an interpreter of its own.
struct Host {
    streams: Streams,
    jobs: Sender<Job>,
    answers: Receiver<Done>,
    /// Has a byte for each answer.
    signal: File,
    running: Running,
    thread: JoinHandle<()>,
}

impl Host {
    fn start(shared: &Arc<Shared>, stdin: &[u8]) -> io::Result<Self> {
        let (streams, ends) = Streams::open(stdin)?;
        let (signal, to_signal) = system::pipe()?;
        let (jobs, from_slot) = mpsc::channel();
        let (to_slot, answers) = mpsc::channel();
        let (ready, separated) = mpsc::channel();
        let running = Running::default();
        let script =
            Script { shared: shared.clone(), running: running.clone(), jobs: from_slot, answers: to_slot };
        let thread = thread::Builder::new().stack_size(shared.stack).spawn(move || {
            let (result, signal) = match system::separate_files(&ends, &to_signal) {
                Ok(signal) => (Ok(()), Some(signal)),
                Err(error) => (Err(error), None),
            };
            // They are closed in the other table.
            drop(ready.send((result, ends, to_signal)));
            if let Some(signal) = signal {
                script.run(signal);
            }
        })?;
        let (result, ..): (_, ScriptEnds, OwnedFd) = separated.recv().map_err(|_| io::Error::other("it ended"))?;
        result?;
        Ok(Self { streams, jobs, answers, signal: File::from(signal), running, thread })
    }

    /// Runs a job. None: it did not end. The second value: whether its time was over.
    fn follow(&mut self, job: Job) -> Option<(Done, bool)> {
        let mut until = job.deadline.map(|deadline| Instant::now() + deadline);
        let mut timed_out = false;
        if self.jobs.send(job).is_err() {
            return Some((Done::refused("its thread ended".into()), false));
        }
        loop {
            let mut files: Vec<_> = self.streams.waiting().collect();
            files.push(system::readable(self.signal.as_raw_fd()));
            system::wait(&mut files, until);
            self.streams.transfer();
            if files.last().is_some_and(|signal| signal.revents != 0) {
                let answered = self.signal.read_exact(&mut [0]).is_ok();
                let done = if answered { self.answers.recv().ok() } else { None };
                // What it wrote before it answered is in the pipes by now.
                self.streams.transfer();
                return Some((done.unwrap_or_else(|| Done::refused("its thread ended".into())), timed_out));
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                if timed_out {
                    return None;
                }
                timed_out = true;
                until = Some(Instant::now() + GRACE);
                self.running.end_script();
            }
        }
    }

    fn end(self) {
        drop(self.jobs);
        // A panic of the thread was printed by it.
        drop(self.thread.join());
    }
}

impl Done {
    fn refused(why: String) -> Self {
        Self { ending: Ending::Refused(why), refused: String::new(), cpu: Duration::ZERO, usable: false }
    }
}

/// The side of the thread.
struct Script {
    shared: Arc<Shared>,
    running: Running,
    jobs: Receiver<Job>,
    answers: Sender<Done>,
}

impl Script {
    fn run(self, signal: OwnedFd) {
        let mut signal = File::from(signal);
        let mut answer = |done: Done| {
            drop(self.answers.send(done));
            drop(signal.write_all(&[0]));
        };
        if !self.shared.reused {
            if let Ok(job) = self.jobs.recv() {
                answer(self.run_in_fresh(&job));
            }
            return;
        }
        let created = Interpreter::create(&self.shared.preparation, self.running.clone(), true);
        let Ok(interpreter) = created.as_ref() else {
            if let Err(why) = created {
                answer(Done::refused(why));
            }
            return;
        };
        while let Ok(job) = interpreter.detached(|| self.jobs.recv()) {
            let before = system::thread_time();
            let (ending, refused) = match enter(&job) {
                Ok(()) => interpreter.run(self.shared.program, &job),
                Err(why) => (Ending::Refused(why), String::new()),
            };
            let usable = interpreter.put_back();
            answer(Done { ending, refused, cpu: system::thread_time() - before, usable });
            if !usable {
                break;
            }
        }
        if let Ok(interpreter) = created {
            interpreter.end();
        }
    }

    fn run_in_fresh(&self, job: &Job) -> Done {
        let before = system::thread_time();
        let created =
            enter(job).and_then(|()| Interpreter::create(&self.shared.preparation, self.running.clone(), false));
        let (ending, refused) = match created {
            Ok(interpreter) => {
                let ended = interpreter.run(self.shared.program, job);
                interpreter.end();
                ended
            }
            Err(why) => (Ending::Refused(why), String::new()),
        };
        Done { ending, refused, cpu: system::thread_time() - before, usable: false }
    }
}

/// Enters the job's folder: the calling thread has a working folder of its own.
fn enter(job: &Job) -> Result<(), String> {
    let Some(folder) = &job.folder else { return Ok(()) };
    std::env::set_current_dir(folder)
        .map_err(|error| format!("its folder {} cannot be entered: {error}", folder.to_string_lossy()))
}
