//! A process for each script: started anew, or forked from this one, whose interpreter is initialised.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{CString, OsStr, OsString, c_int};
use std::io;
use std::iter;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::job::{Ending, Job, Record};
use super::options::Options;
use super::output::Output;
use super::source::Source;
use super::system::{self, Exit, ScriptEnds, Streams};
use crate::interpreter::Arguments;

/// How often a child's end is looked for where the kernel does not tell.
const LOOK: Duration = Duration::from_millis(2);

/// How a process is made for a script.
pub enum Launcher {
    Again {
        program: PathBuf,
        name: OsString,
    },
    #[cfg(Py_3_12)]
    Warm(super::interpreter::Warm),
}

impl Launcher {
    /// This program again.
    pub fn again(arguments: Arguments) -> Self {
        let name = OsStr::from_bytes(arguments.program().to_bytes()).to_os_string();
        Self::Again { program: env::current_exe().unwrap_or_else(|_| PathBuf::from(&name)), name }
    }

    /// A fork of this process, whose interpreter this initialises. The error is an exit status whose message was printed.
    #[cfg(Py_3_12)]
    pub fn warm(arguments: Arguments) -> Result<Self, c_int> {
        super::interpreter::Warm::start(arguments).map(Self::Warm)
    }

    fn launch(&self, job: &Job, ends: ScriptEnds) -> io::Result<libc::pid_t> {
        match self {
            Self::Again { program, name } => system::spawn(&again(program, name, job)?, ends),
            #[cfg(Py_3_12)]
            Self::Warm(warm) => warm.fork(job, ends),
        }
    }

    /// Whether the program was told to end while it waited.
    fn is_interrupted(&self) -> bool {
        match self {
            Self::Again { .. } => false,
            #[cfg(Py_3_12)]
            Self::Warm(warm) => warm.is_interrupted(),
        }
    }
}

/// This program for a script, with what the job adds to the environment.
fn again(program: &Path, name: &OsStr, job: &Job) -> io::Result<system::Program> {
    let text = |text: OsString| CString::new(text.into_vec()).map_err(io::Error::from);
    let mut environment: BTreeMap<_, _> = env::vars_os().collect();
    environment.extend(job.environment.iter().cloned());
    let variables = environment.into_iter().map(|(mut variable, value)| {
        variable.push("=");
        variable.push(value);
        variable
    });
    let arguments = iter::once(name).chain(iter::once(job.script.as_os_str()));
    let arguments = arguments.chain(job.arguments.iter().map(OsString::as_os_str)).map(OsStr::to_os_string);
    Ok(system::Program {
        path: text(program.as_os_str().to_os_string())?,
        arguments: arguments.map(text).collect::<Result<_, _>>()?,
        environment: variables.map(text).collect::<Result<_, _>>()?,
        folder: job.folder.clone().map(text).transpose()?,
    })
}

struct Child {
    record: Record,
    pid: libc::pid_t,
    streams: Streams,
    started: Instant,
    until: Option<Instant>,
    timed_out: bool,
    watch: Option<OwnedFd>,
}

impl Child {
    fn start(launcher: &Launcher, job: &Job) -> io::Result<Self> {
        let started = Instant::now();
        let (streams, ends) = Streams::open(&job.stdin)?;
        let pid = launcher.launch(job, ends)?;
        Ok(Self {
            record: Record::without_output(job, Ending::TimedOut),
            pid,
            streams,
            started,
            until: job.deadline.map(|deadline| started + deadline),
            timed_out: false,
            watch: system::watch(pid),
        })
    }

    /// Transfers what can be transferred; its exit, once it has ended.
    fn step(&mut self) -> Option<Exit> {
        self.streams.transfer();
        if self.until.is_some_and(|until| Instant::now() >= until) {
            system::kill(self.pid);
            (self.timed_out, self.until) = (true, None);
        }
        let exit = system::reap(self.pid, false)?;
        // What it wrote before it ended. Its own children may hold the pipes for longer than it lived.
        self.streams.transfer();
        Some(exit)
    }

    fn finish(mut self, exit: &Exit) -> Record {
        let (stdout, stderr) = self.streams.take_output();
        let ending = match exit.status {
            _ if self.timed_out => Ending::TimedOut,
            Ok(status) => Ending::Exited(status),
            Err(signal) => Ending::Signalled(signal),
        };
        Record { ending, stdout, stderr, wall: self.started.elapsed(), cpu: exit.cpu, ..self.record }
    }
}

/// Runs all jobs. The result is the exit status of the program.
pub fn run(options: &Options, mut source: Source, launcher: Launcher) -> c_int {
    let mut output = Output::new();
    let mut children: Vec<Child> = Vec::new();
    loop {
        while children.len() < options.jobs {
            let started = match source.take() {
                None => break,
                Some(Err(record)) => Err(record),
                Some(Ok(job)) => Child::start(&launcher, &job).map_err(|error| {
                    Record::without_output(&job, Ending::Refused(format!("it cannot be started: {error}")))
                }),
            };
            match started {
                Ok(child) => children.push(child),
                Err(record) => output.write(&record),
            }
        }
        if children.is_empty() && source.is_done() {
            return output.finish(options);
        }
        if !wait(&children, &mut source, options.jobs) && launcher.is_interrupted() {
            return 128 + libc::SIGINT;
        }
        for mut child in std::mem::take(&mut children) {
            match child.step() {
                None => children.push(child),
                Some(exit) => {
                    output.peak = output.peak.max(exit.peak);
                    output.write(&child.finish(&exit));
                }
            }
        }
    }
}

/// Waits until a child wrote, read or ended, its time is over, or there is a job for a free place. False: a signal arrived.
fn wait(children: &[Child], source: &mut Source, places: usize) -> bool {
    let wanted = if children.len() < places { source.waiting() } else { None };
    let mut files: Vec<_> = wanted.into_iter().collect();
    for child in children {
        files.extend(child.streams.waiting());
        files.extend(child.watch.iter().map(|watch| system::readable(watch.as_raw_fd())));
    }
    let look = |child: &Child| (child.watch.is_none() && child.streams.ended()).then(|| Instant::now() + LOOK);
    let until = children.iter().flat_map(|child| [child.until, look(child)]).flatten().min();
    let waited = system::wait(&mut files, until);
    if wanted.is_some() && files.first().is_some_and(|stdin| stdin.revents != 0) {
        source.read();
    }
    waited
}
