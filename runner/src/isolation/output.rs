//! Records as they are printed, and the sum of them.

use std::ffi::c_int;
use std::io::{self, Write};
use std::time::Instant;

use super::job::{Ending, Record};
use super::options::Options;
use super::system;

pub struct Output {
    started: Instant,
    scripts: usize,
    succeeded: usize,
    lost: usize,
    /// Highest resident memory of a process that scripts ran in, in kB.
    pub peak: i64,
}

impl Output {
    pub fn new() -> Self {
        Self { started: Instant::now(), scripts: 0, succeeded: 0, lost: 0, peak: 0 }
    }

    pub fn write(&mut self, record: &Record) {
        self.lost += usize::from(matches!(record.ending, Ending::Lost(_)));
        self.write_line(&record.to_line(), record.succeeded());
    }

    /// A record that is text already.
    pub fn write_line(&mut self, line: &str, succeeded: bool) {
        self.scripts += 1;
        self.succeeded += usize::from(succeeded);
        print(line);
    }

    /// Prints the sum if it was asked for. The result is the exit status of the program.
    pub fn finish(self, options: &Options) -> c_int {
        if options.summary {
            let cpu = system::total_time().as_secs_f64() * 1e3;
            print(&format!(
                "{{\"summary\":{{\"isolate\":\"{}\",\"reuse\":{},\"jobs\":{},\"scripts\":{},\"succeeded\":{},\"lost\":{},\
                 \"wallMs\":{:.3},\"cpuMs\":{cpu:.3},\"peakKb\":{}}}}}",
                options.isolation.name(),
                options.reuse,
                options.jobs,
                self.scripts,
                self.succeeded,
                self.lost,
                self.started.elapsed().as_secs_f64() * 1e3,
                self.peak,
            ));
        }
        c_int::from(self.succeeded != self.scripts)
    }
}

fn print(line: &str) {
    // Without a reader there is nobody to tell.
    drop(io::stdout().write_all(format!("{line}\n").as_bytes()));
}
