//! Pipes, the table of open files, and signals.

use std::ffi::{CString, c_char};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::iter;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::process;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Descriptors of this program begin here, so that a script finds the numbers free that it would find in a process.
const OWN_DESCRIPTORS: RawFd = 512;

/// Held while the table of open files changes or is copied: a copy must not hold a pipe that is half moved.
static TABLE: Mutex<()> = Mutex::new(());

fn table() -> MutexGuard<'static, ()> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The result of a system call that returns -1 on failure.
fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A pipe whose ends are closed by exec(2): the one to read from and the one to write to.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let _locked = table();
    let mut ends = [-1; 2];
    // SAFETY: the call fills both numbers.
    check(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: both were opened above and belong to nothing else.
    let [from, to] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    Ok((move_up(from)?, move_up(to)?))
}

/// The same file under a number that scripts do not use.
pub fn move_up(file: OwnedFd) -> io::Result<OwnedFd> {
    // SAFETY: an open descriptor; the new one belongs to nothing else.
    unsafe {
        let moved = check(libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, OWN_DESCRIPTORS))?;
        Ok(OwnedFd::from_raw_fd(moved))
    }
}

/// Makes `file` the standard stream `number`.
pub fn replace_stream(file: &OwnedFd, number: RawFd) -> io::Result<()> {
    // SAFETY: an open descriptor.
    check(unsafe { libc::dup2(file.as_raw_fd(), number) }).map(drop)
}

/// Gives the calling thread a table of open files, a working folder and a file mode mask of its own (unshare(2)); threads and
/// processes that it starts have the same. Of this program's own files the table has `ends`, as standard streams, and `kept`,
/// whose copy in this table is the result.
pub fn separate_files(ends: &ScriptEnds, kept: &OwnedFd) -> io::Result<OwnedFd> {
    let _locked = table();
    // SAFETY: it concerns this thread alone.
    check(unsafe { libc::unshare(libc::CLONE_FILES | libc::CLONE_FS) })?;
    for (number, file) in (0..).zip(&ends.0) {
        replace_stream(file, number)?;
    }
    // SAFETY: the numbers are those of this table; no value here stands for any of them but `kept`, which is left out.
    unsafe {
        let kept = kept.as_raw_fd();
        close_range(OWN_DESCRIPTORS, kept - 1);
        close_range(kept + 1, RawFd::MAX);
        Ok(OwnedFd::from_raw_fd(kept))
    }
}

/// Closes all of this program's own files but some, in a child made by fork, whose copies of the others must be forgotten.
pub fn keep_alone(kept: [&OwnedFd; 2]) {
    let mut numbers = kept.map(|file| file.as_raw_fd());
    numbers.sort_unstable();
    // SAFETY: no value of this process stands for any of them.
    unsafe {
        close_range(OWN_DESCRIPTORS, numbers[0] - 1);
        close_range(numbers[0] + 1, numbers[1] - 1);
        close_range(numbers[1] + 1, RawFd::MAX);
    }
}

/// Closes all files from one number to another.
unsafe fn close_range(first: RawFd, last: RawFd) {
    unsafe {
        if first > last || libc::syscall(libc::SYS_close_range, first, last, 0) == 0 {
            return;
        }
        // A kernel before 5.9.
        let most = libc::sysconf(libc::_SC_OPEN_MAX) as RawFd;
        (first..=last.min(most)).for_each(|number| _ = libc::close(number));
    }
}

/// The ends of its streams that a script gets: standard input, output, error.
pub struct ScriptEnds(pub [OwnedFd; 3]);

/// The other ends.
pub struct Streams {
    stdin: Option<File>,
    to_write: Vec<u8>,
    written: usize,
    stdout: Option<File>,
    stderr: Option<File>,
    pub output: Vec<u8>,
    pub errors: Vec<u8>,
}

impl Streams {
    /// Pipes for a script that reads `stdin` and then the end of the file.
    pub fn open(stdin: &[u8]) -> io::Result<(Self, ScriptEnds)> {
        let (input, to_input) = pipe()?;
        let (from_output, output) = pipe()?;
        let (from_errors, errors) = pipe()?;
        for end in [&to_input, &from_output, &from_errors] {
            set_nonblocking(end)?;
        }
        let streams = Self {
            stdin: (!stdin.is_empty()).then(|| File::from(to_input)),
            to_write: stdin.to_vec(),
            written: 0,
            stdout: Some(File::from(from_output)),
            stderr: Some(File::from(from_errors)),
            output: Vec::new(),
            errors: Vec::new(),
        };
        Ok((streams, ScriptEnds([input, output, errors])))
    }

    /// What has to be waited for.
    pub fn waiting(&self) -> impl Iterator<Item = libc::pollfd> {
        let reading = [&self.stdout, &self.stderr].into_iter().flatten().map(|file| readable(file.as_raw_fd()));
        let writing =
            self.stdin.iter().map(|file| libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLOUT, revents: 0 });
        reading.chain(writing)
    }

    /// Whether both outputs were closed by all that had them.
    pub fn ended(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }

    /// Reads and writes as much as is possible without waiting.
    pub fn transfer(&mut self) {
        read_available(&mut self.stdout, &mut self.output);
        read_available(&mut self.stderr, &mut self.errors);
        let Some(file) = &mut self.stdin else { return };
        match file.write(&self.to_write[self.written..]) {
            Ok(count) => self.written += count,
            Err(error) if is_temporary(&error) => return,
            // The script has closed it.
            Err(_) => self.written = self.to_write.len(),
        }
        if self.written == self.to_write.len() {
            self.stdin = None;
        }
    }

    pub fn take_output(&mut self) -> (Vec<u8>, Vec<u8>) {
        (mem::take(&mut self.output), mem::take(&mut self.errors))
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn read_available(file: &mut Option<File>, into: &mut Vec<u8>) {
    let mut buffer = [0; 16384];
    while let Some(open) = file {
        match open.read(&mut buffer) {
            Ok(0) => *file = None,
            Ok(count) => into.extend_from_slice(&buffer[..count]),
            Err(error) if is_temporary(&error) => return,
            Err(_) => *file = None,
        }
    }
}

pub fn set_nonblocking(file: &OwnedFd) -> io::Result<()> {
    // SAFETY: an open descriptor.
    unsafe {
        let flags = check(libc::fcntl(file.as_raw_fd(), libc::F_GETFL))?;
        check(libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK)).map(drop)
    }
}

pub fn readable(fd: RawFd) -> libc::pollfd {
    libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
}

/// Waits until one of the files is ready or the time has come. False: a signal arrived.
pub fn wait(files: &mut [libc::pollfd], until: Option<Instant>) -> bool {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    // Rounded up: a wait that is too short would be repeated many times.
    let milliseconds = left.map_or(-1, |left| left.as_micros().div_ceil(1000).min(i32::MAX as u128) as i32);
    // SAFETY: as many entries as the slice has.
    unsafe { libc::poll(files.as_mut_ptr(), files.len() as libc::nfds_t, milliseconds) >= 0 }
}

/// CPU time of the calling thread.
pub fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call fills the structure.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// How a child ended, and what it used.
pub struct Exit {
    /// The exit status, or the number of the signal.
    pub status: Result<i32, i32>,
    pub cpu: Duration,
    /// Its highest resident memory in kB.
    pub peak: i64,
}

/// The exit of a child; None if it still runs and `patient` is not set.
pub fn reap(child: libc::pid_t, patient: bool) -> Option<Exit> {
    let mut status = 0;
    let mut usage = mem::MaybeUninit::<libc::rusage>::zeroed();
    let options = if patient { 0 } else { libc::WNOHANG };
    // SAFETY: the call fills both; where it does not, the structure is zero.
    let (ended, usage) = unsafe {
        let mut ended = libc::wait4(child, &mut status, options, usage.as_mut_ptr());
        while ended < 0 && io::Error::last_os_error().kind() == ErrorKind::Interrupted {
            ended = libc::wait4(child, &mut status, options, usage.as_mut_ptr());
        }
        (ended, usage.assume_init())
    };
    if ended == 0 {
        return None;
    }
    let signalled = libc::WIFSIGNALED(status);
    Some(Exit {
        status: if signalled { Err(libc::WTERMSIG(status)) } else { Ok(libc::WEXITSTATUS(status)) },
        cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
        peak: i64::from(usage.ru_maxrss),
    })
}

/// Resident memory of a process in kB; 0 if it is gone.
pub fn resident(process: libc::pid_t) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default();
    // SAFETY: no memory is passed.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    pages * page as u64 / 1024
}

pub fn kill(child: libc::pid_t) {
    // SAFETY: a child that was not reaped yet, so that the number is its own.
    unsafe { libc::kill(child, libc::SIGKILL) };
}

/// The calling process ends when its parent does.
pub fn end_with_parent() {
    // SAFETY: no memory is passed.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Sets what a signal does: `libc::SIG_DFL` or `libc::SIG_IGN`.
pub fn set_signal(number: i32, action: libc::sighandler_t) {
    // SAFETY: no handler of ours.
    unsafe { libc::signal(number, action) };
}

/// A file that becomes readable when the child ends (pidfd_open(2)); None on a kernel before 5.3.
pub fn watch(child: libc::pid_t) -> Option<OwnedFd> {
    // SAFETY: a child of this process; the new descriptor is closed by exec(2) and belongs to nothing else.
    unsafe {
        let number = libc::syscall(libc::SYS_pidfd_open, child, 0);
        (number >= 0).then(|| OwnedFd::from_raw_fd(number as RawFd))
    }
}

/// Appends what standard input has to `text`; 0 is its end.
pub fn read_stdin(text: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = [0; 65536];
    // SAFETY: as many bytes as the buffer has.
    let count = unsafe { libc::read(libc::STDIN_FILENO, buffer.as_mut_ptr().cast(), buffer.len()) };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    text.extend_from_slice(&buffer[..count]);
    Ok(count)
}

/// CPU time of this process and of its children that were waited for.
pub fn total_time() -> Duration {
    [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN]
        .into_iter()
        .map(|who| {
            let mut usage = mem::MaybeUninit::<libc::rusage>::zeroed();
            // SAFETY: the call fills the structure; where it does not, it is zero.
            let usage = unsafe {
                libc::getrusage(who, usage.as_mut_ptr());
                usage.assume_init()
            };
            duration(usage.ru_utime) + duration(usage.ru_stime)
        })
        .sum()
}

fn duration(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000)
}

/// Calls a function while standard input and output are pipes.
pub fn with_pipes<T>(make: impl FnOnce() -> T) -> io::Result<T> {
    let (input, to_input) = pipe()?;
    let (from_output, output) = pipe()?;
    let mut kept = Vec::new();
    for (number, end) in (0..).zip([&input, &output]) {
        // SAFETY: nothing here owns the number, or closes it.
        let standard = unsafe { BorrowedFd::borrow_raw(number) };
        kept.push((number, standard.try_clone_to_owned().and_then(move_up)));
        replace_stream(end, number)?;
    }
    let made = make();
    drop((to_input, from_output));
    for (number, file) in kept {
        match file {
            Ok(file) => replace_stream(&file, number)?,
            // It was closed before.
            Err(_) => drop(unsafe { libc::close(number) }),
        }
    }
    Ok(made)
}

/// A program and what it is started with.
pub struct Program {
    pub path: CString,
    pub arguments: Vec<CString>,
    /// `NAME=value`, all of them.
    pub environment: Vec<CString>,
    /// None: the folder of this process.
    pub folder: Option<CString>,
}

/// Starts a program. The standard library's `Command` would have this one ask for glibc 2.39, for pidfd_spawnp(3).
pub fn spawn(program: &Program, ends: ScriptEnds) -> io::Result<libc::pid_t> {
    let (failure, to_failure) = pipe()?;
    let pointers = |texts: &[CString]| -> Vec<_> {
        texts.iter().map(|text| text.as_ptr()).chain(iter::once(ptr::null())).collect()
    };
    let (arguments, environment) = (pointers(&program.arguments), pointers(&program.environment));
    // SAFETY: this process has one thread; its child makes system calls alone.
    let child = check(unsafe { libc::fork() })?;
    if child == 0 {
        let error = execute(program, &arguments, &environment, &ends);
        let number = error.raw_os_error().unwrap_or(libc::EIO).to_ne_bytes();
        // SAFETY: as many bytes as the number has.
        unsafe {
            libc::write(to_failure.as_raw_fd(), number.as_ptr().cast(), number.len());
            libc::_exit(127)
        }
    }
    drop(to_failure);
    let mut number = [0; mem::size_of::<i32>()];
    // Closed by exec(2), it has nothing.
    if File::from(failure).read_exact(&mut number).is_err() {
        return Ok(child);
    }
    reap(child, true);
    Err(io::Error::from_raw_os_error(i32::from_ne_bytes(number)))
}

/// Becomes a program. The lists end with a null pointer. It returns only where that fails.
fn execute(
    program: &Program,
    arguments: &[*const c_char],
    environment: &[*const c_char],
    ends: &ScriptEnds,
) -> io::Error {
    end_with_parent();
    set_signal(libc::SIGPIPE, libc::SIG_DFL);
    for (number, file) in (0..).zip(&ends.0) {
        if let Err(error) = replace_stream(file, number) {
            return error;
        }
    }
    // SAFETY: all are texts that end with a zero, and lists that end with a null pointer.
    unsafe {
        if program.folder.as_ref().is_none_or(|folder| libc::chdir(folder.as_ptr()) == 0) {
            libc::execve(program.path.as_ptr(), arguments.as_ptr(), environment.as_ptr());
        }
    }
    io::Error::last_os_error()
}

/// Makes the ends the standard streams of this process, a child made by fork, and closes all files of its parent.
pub fn take_streams(ends: ScriptEnds) -> io::Result<()> {
    for (number, file) in (0..).zip(&ends.0) {
        replace_stream(file, number)?;
    }
    mem::forget(ends);
    // SAFETY: this process never uses them.
    unsafe { close_range(OWN_DESCRIPTORS, RawFd::MAX) };
    Ok(())
}

/// Ends this process as Ctrl-C ends one that does not handle it.
pub fn end_by_interrupt() -> ! {
    set_signal(libc::SIGINT, libc::SIG_DFL);
    // SAFETY: no memory is passed.
    unsafe { libc::raise(libc::SIGINT) };
    process::exit(128 + libc::SIGINT)
}
