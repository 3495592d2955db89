//! What is to be run, and what came of it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use super::json::{self, Value};

/// One script to run.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// Position among the jobs of the command line or the list, from 0.
    pub index: usize,
    pub script: OsString,
    pub arguments: Vec<OsString>,
    /// Added to the environment of the process.
    pub environment: Vec<(OsString, OsString)>,
    pub stdin: Vec<u8>,
    /// Where it starts; None: where the process is.
    pub folder: Option<OsString>,
    /// After which it is ended.
    pub deadline: Option<Duration>,
}

const FIELDS: [&str; 6] = ["script", "args", "env", "stdin", "cwd", "deadline"];

impl Job {
    /// Reads a line of a job list. The error is one sentence without a full stop.
    pub fn parse(line: &[u8], index: usize) -> Result<Self, String> {
        let Value::Object(fields) = json::parse(line)? else { return Err("a job is a JSON object".into()) };
        if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            return Err(format!("a job has no field `{unknown}`; it has {}", FIELDS.join(", ")));
        }
        let field = |name: &str| fields.get(name);
        Ok(Self {
            index,
            script: field("script").ok_or("a job needs a `script`").and_then(text)?,
            arguments: field("args").map_or(Ok(Vec::new()), texts)?,
            environment: field("env").map_or(Ok(Vec::new()), variables)?,
            stdin: field("stdin").map_or(Ok(Vec::new()), bytes)?,
            folder: field("cwd").map(text).transpose()?,
            deadline: field("deadline").map(seconds).transpose()?,
        })
    }

    /// The same as a line of a job list, without its end.
    pub fn to_line(&self) -> String {
        let quoted = |value: &OsString| json::quote(value.as_bytes());
        let arguments: Vec<_> = self.arguments.iter().map(quoted).collect();
        let environment: Vec<_> =
            self.environment.iter().map(|(name, value)| format!("{}:{}", quoted(name), quoted(value))).collect();
        let mut line = format!(
            "{{\"script\":{},\"args\":[{}],\"env\":{{{}}},\"stdin\":{}",
            quoted(&self.script),
            arguments.join(","),
            environment.join(","),
            json::quote(&self.stdin)
        );
        if let Some(folder) = &self.folder {
            line.push_str(&format!(",\"cwd\":{}", quoted(folder)));
        }
        if let Some(deadline) = self.deadline {
            line.push_str(&format!(",\"deadline\":{}", deadline.as_secs_f64()));
        }
        line.push('}');
        line
    }
}

fn bytes(value: &Value) -> Result<Vec<u8>, &'static str> {
    match value {
        Value::Text(bytes) => Ok(bytes.clone()),
        _ => Err("`stdin` is a string"),
    }
}

fn text(value: &Value) -> Result<OsString, &'static str> {
    match value {
        Value::Text(bytes) if !bytes.contains(&0) => Ok(OsString::from_vec(bytes.clone())),
        _ => Err("`script`, `cwd`, and each of `args` and `env`, is a string without a zero byte"),
    }
}

fn texts(value: &Value) -> Result<Vec<OsString>, &'static str> {
    match value {
        Value::List(values) => values.iter().map(text).collect(),
        _ => Err("`args` is a list of strings"),
    }
}

fn variables(value: &Value) -> Result<Vec<(OsString, OsString)>, &'static str> {
    let Value::Object(fields) = value else { return Err("`env` is an object of strings") };
    let usable = |name: &str| !name.is_empty() && !name.contains(['=', '\0']);
    let all: &BTreeMap<String, Value> = fields;
    if !all.keys().all(|name| usable(name)) {
        return Err("a name in `env` is not empty and holds no `=`");
    }
    all.iter().map(|(name, value)| Ok((OsString::from(name), text(value)?))).collect()
}

fn seconds(value: &Value) -> Result<Duration, &'static str> {
    const WRONG: &str = "`deadline` is a number of seconds above 0";
    match value {
        Value::Number(seconds) if *seconds > 0.0 => Duration::try_from_secs_f64(*seconds).map_err(|_| WRONG),
        _ => Err(WRONG),
    }
}

/// How a script ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    Exited(i32),
    /// Ended by a signal; in an interpreter only for KeyboardInterrupt, by which python3 ends itself.
    Signalled(i32),
    TimedOut,
    /// The process ended that it ran in, with other scripts: why.
    Lost(String),
    /// It was not started: why.
    Refused(String),
}

/// What came of a script.
#[derive(Clone, Debug)]
pub struct Record {
    pub index: usize,
    pub script: OsString,
    pub ending: Ending,
    /// What CPython refused it because it has no process of its own, in words.
    pub refused: String,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// From before anything is made for it until nothing of it is left.
    pub wall: Duration,
    /// Of its thread, or of its process with those that it waited for.
    pub cpu: Duration,
}

impl Record {
    /// That of a job that did not run to an end of its own.
    pub fn without_output(job: &Job, ending: Ending) -> Self {
        let (stdout, stderr) = (Vec::new(), Vec::new());
        let (wall, cpu) = (Duration::ZERO, Duration::ZERO);
        let refused = String::new();
        Self { index: job.index, script: job.script.clone(), ending, refused, stdout, stderr, wall, cpu }
    }

    pub fn succeeded(&self) -> bool {
        self.ending == Ending::Exited(0)
    }

    /// As a line of JSON, without its end.
    pub fn to_line(&self) -> String {
        let ending = match &self.ending {
            Ending::Exited(status) => format!("\"ending\":\"exited\",\"status\":{status}"),
            Ending::Signalled(number) => format!("\"ending\":\"signalled\",\"signal\":{number}"),
            Ending::TimedOut => "\"ending\":\"timed-out\"".into(),
            Ending::Lost(why) => format!("\"ending\":\"lost\",\"why\":{}", json::quote(why.as_bytes())),
            Ending::Refused(why) => format!("\"ending\":\"refused\",\"why\":{}", json::quote(why.as_bytes())),
        };
        let refused = match self.refused.as_str() {
            "" => String::new(),
            names => format!(",\"needsProcess\":{}", json::quote(names.as_bytes())),
        };
        format!(
            "{{\"index\":{},\"script\":{},{ending}{refused},\"stdout\":{},\"stderr\":{},\"wallMs\":{:.3},\"cpuMs\":{:.3}}}",
            self.index,
            json::quote(self.script.as_bytes()),
            json::quote(&self.stdout),
            json::quote(&self.stderr),
            self.wall.as_secs_f64() * 1e3,
            self.cpu.as_secs_f64() * 1e3,
        )
    }
}
