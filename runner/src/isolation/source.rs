//! Where jobs come from: the command line, or lines of standard input.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::job::{Ending, Job, Record};
use super::options::Options;
use super::system;

/// The longest line of a job list.
const LONGEST: usize = 64 << 20;

pub struct Source {
    ready: VecDeque<Result<Job, Record>>,
    /// The beginning of a line; None: nothing more comes.
    rest: Option<Vec<u8>>,
    next: usize,
    deadline: Option<Duration>,
}

impl Source {
    pub fn new(options: &mut Options) -> Self {
        let rest = if options.list.is_some() { None } else { Some(Vec::new()) };
        let mut source = Self { ready: VecDeque::new(), rest, next: 0, deadline: options.deadline };
        for job in options.list.take().unwrap_or_default() {
            source.add(Ok(job));
        }
        source
    }

    /// The next job, or the record of one that cannot be read. None: `is_open` says whether more may come.
    pub fn take(&mut self) -> Option<Result<Job, Record>> {
        self.ready.pop_front()
    }

    /// Puts jobs back that were not started.
    pub fn give_back(&mut self, job: Job) {
        self.ready.push_front(Ok(job));
    }

    pub fn is_open(&self) -> bool {
        self.rest.is_some()
    }

    pub fn is_done(&self) -> bool {
        self.rest.is_none() && self.ready.is_empty()
    }

    /// What has to be waited for, if more jobs are wanted.
    pub fn waiting(&self) -> Option<libc::pollfd> {
        (self.is_open() && self.ready.is_empty()).then(|| system::readable(libc::STDIN_FILENO))
    }

    /// Reads what standard input has; called when it is readable.
    pub fn read(&mut self) {
        let Some(mut text) = self.rest.take() else { return };
        match system::read_stdin(&mut text) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.rest = Some(text),
            Ok(count) if count > 0 => {
                while let Some(end) = text.iter().position(|&byte| byte == b'\n') {
                    let line: Vec<u8> = text.drain(..=end).collect();
                    self.add_line(&line);
                }
                if text.len() > LONGEST {
                    self.fail(format!("a line is longer than {LONGEST} bytes"));
                } else {
                    self.rest = Some(text);
                }
            }
            // The end; the last line may have none.
            _ => self.add_line(&text),
        }
    }

    fn add_line(&mut self, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        match Job::parse(line.trim_ascii(), self.next) {
            Ok(job) => self.add(Ok(job)),
            Err(why) => self.fail(format!("job {} cannot be read: {why}", self.next)),
        }
    }

    fn fail(&mut self, why: String) {
        let job = Job { index: self.next, ..Job::default() };
        self.add(Err(Record::without_output(&job, Ending::Refused(why))));
    }

    fn add(&mut self, job: Result<Job, Record>) {
        self.next += 1;
        let deadline = self.deadline;
        self.ready.push_back(job.map(|job| Job { deadline: job.deadline.or(deadline), ..job }));
    }
}
