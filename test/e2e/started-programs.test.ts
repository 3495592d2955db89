// Programs that programs of another machine start, with the real toolchain, emulator and kernel: what a script or a test starts
// behaves as on the machine itself, and where the kernel cannot do it, what needs it is skipped with the reason.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

const EMULATED = { skip: process.arch === 'arm64' ? 'aarch64 is not emulated here' : false };
const [MAJOR = 0, MINOR = 0] = release().split('.').map(Number);
/** From 6.7 on a user namespace has registrations of its own. */
const REGISTERS = {
  skip: EMULATED.skip || (MAJOR < 6 || (MAJOR === 6 && MINOR < 7) ? 'an older Linux than 6.7' : false),
};

const ENGINE = ['--engine', 'namespace'];
const FILTER = ['python3', join(import.meta.dirname, '..', 'support', 'refuse-plain-mounts.py')];

interface Report {
  readonly samples: readonly {
    readonly name: string;
    readonly status: string;
    readonly reason?: string;
    readonly kind?: string;
    readonly target?: { readonly stdout: string };
  }[];
  readonly notices: readonly { readonly code: string; readonly message: string }[];
}

function reportIn(folder: string): Report {
  return JSON.parse(readFileSync(join(folder, 'artifacts', 'aarch64', 'report.json'), 'utf8')) as Report;
}

const HEADER = (title: string) =>
  `# /// sample\n# title: ${title}\n# requires: subprocess, signals, files\n# ///\n`;

const SCRIPTS = {
  'ways.py': `${HEADER('Each way to start a program')}import multiprocessing, os, subprocess, sys, venv

def square(n):
    return n * n, multiprocessing.current_process().name.split("-")[0], sys.argv[0] == __file__

def shown(*argv, **settings):
    run = subprocess.run(argv, capture_output=True, text=True, timeout=100, **settings)
    said = run.stdout + "".join(run.stderr.splitlines(keepends=True)[-1:])
    print(run.returncode, said.replace(sys.executable, "python"))

if __name__ == "__main__":
    shown(sys.executable, "-c", "import sys; print(sys.argv, sys.executable)", "one", "two words", "é", "")
    shown("another name", "-c", "import sys; print(len(sys.argv))", executable=sys.executable)
    shown(sys.executable, "-c", "import os; print(sorted(os.environ))", env={"ONLY": "this"})
    shown(sys.executable, "-c", "import os; print(os.readlink('/proc/self/exe'), os.getcwd())", cwd="/tmp")
    shown(sys.executable, "nowhere.py")
    child = os.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", "print('become', flush=True); raise SystemExit(3)"])
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(os.waitstatus_to_exitcode(os.posix_spawn(sys.executable, [sys.executable, "-c", "pass"], os.environ) and os.wait()[1]))
    for method in ("spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            print(method, pool.map(square, range(3)))
    with open("script", "w") as file:
        file.write(f"#!{sys.executable}\\nimport sys\\nprint('shebang', sys.argv[1:])\\n")
    os.chmod("script", 0o755)
    shown("./script", "a", "b")
    venv.create("environment", symlinks=True)
    shown("environment/bin/python", "-c", "import sys; print(sys.prefix != sys.base_prefix, sys.executable)")
    try:
        subprocess.run(["no-such-program"])
    except FileNotFoundError as error:
        print(error.filename, error.errno)
`,
  'crashes.py': `${HEADER('A child that crashes')}import os, signal, subprocess, sys

for name in ("SIGSEGV", "SIGABRT", "SIGILL", "SIGKILL", "SIGTERM"):
    run = subprocess.run([sys.executable, "-c", f"import os, signal; os.kill(os.getpid(), signal.{name})"])
    print(name, run.returncode == -getattr(signal, name))
child = os.fork()
if child == 0:
    os.execv(sys.executable, [sys.executable, "-c", "import os; os.abort()"])
status = os.waitpid(child, 0)[1]
print(os.WIFSIGNALED(status), os.WTERMSIG(status) == signal.SIGABRT)
print("seen", file=sys.stderr)
`,
};

test(
  'each way to start a program, and a crash of what was started, as on the reference',
  REGISTERS,
  async (t) => {
    const folder = temporaryFolder(t);
    const once = `${HEADER('Never run before')}import subprocess, sys
print(subprocess.check_output([sys.executable, "-c", "print('${randomUUID()}')"]))
`;
    put(folder, { ...SCRIPTS, 'once.py': once });
    const samples = ['ways.py', 'crashes.py', 'once.py'].flatMap((name) => ['--samples', name]);
    const run = await provision(['aarch64', ...ENGINE, ...samples], { cwd: folder, store: SHARED_STORE });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const statuses = reportIn(folder).samples.map(({ name, status }) => `${name} ${status}`);
    assert.deepEqual(statuses.sort(), ['crashes passed', 'once passed', 'ways passed']);
  },
);

test(
  'words of a failing emulator, from what a script started, are not taken for the script',
  REGISTERS,
  async (t) => {
    const folder = temporaryFolder(t);
    put(folder, {
      // The words are there where an emulator is: as from one that failed in what the script has started.
      'fault.py': `${HEADER('An emulator that fails in a child')}import os, subprocess, sys
script = "import os, sys; sys.stderr.write('qemu-aarch64: QEMU internal SIGSEGV {code=MAPERR, addr=0x20}\\\\n'); os.kill(os.getpid(), 11)"
if os.uname().machine == "aarch64":
    print(subprocess.run([sys.executable, "-c", script]).returncode)
else:
    print(0)
`,
    });
    const run = await provision(['aarch64', ...ENGINE, '--samples', 'fault.py'], {
      cwd: folder,
      store: SHARED_STORE,
    });
    assert.equal(run.status, 6, run.stdout + run.stderr);
    const [sample] = reportIn(folder).samples;
    assert.equal(sample?.kind, 'emulator-crash');
    assert.match(sample?.reason ?? '', /qemu-aarch64 failed itself in a program that was started/);
  },
);

const CRATE = {
  'Cargo.toml': '[package]\nname = "starts"\nversion = "0.1.0"\nedition = "2021"\n',
  'Cargo.lock': 'version = 4\n\n[[package]]\nname = "starts"\nversion = "0.1.0"\n',
  'src/main.rs': `fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("abort") => std::process::abort(),
        Some("again") => {
            let own = std::env::current_exe().unwrap();
            let status = std::process::Command::new(own).args(&words[1..]).status().unwrap();
            std::process::exit(status.code().unwrap_or(99));
        }
        _ => println!("{} {words:?}", std::env::consts::ARCH),
    }
}
`,
  'tests/starts.rs': `use std::os::unix::process::ExitStatusExt;
use std::process::Command;

fn own() -> Command {
    Command::new(env!("CARGO_BIN_EXE_starts"))
}

#[test]
fn prints() {
    let run = own().args(["one", "two words"]).output().unwrap();
    assert!(run.status.success(), "{run:?}");
    assert_eq!(String::from_utf8(run.stdout).unwrap(), "aarch64 [\\"one\\", \\"two words\\"]\\n");
}

#[test]
fn starts_itself() {
    let run = own().args(["again", "x"]).output().unwrap();
    assert_eq!(String::from_utf8(run.stdout).unwrap(), "aarch64 [\\"x\\"]\\n");
}

#[test]
fn crashes() {
    assert_eq!(own().arg("abort").status().unwrap().signal(), Some(6));
}
`,
  'provision.yaml': 'schema: 1\nextends: aarch64\nproject: {profile: dev}\ntests: {cargo: {}}\n',
};

test("tests of a crate start the crate's own program", REGISTERS, async (t) => {
  const folder = temporaryFolder(t);
  put(folder, CRATE);
  const run = await provision(['run', ...ENGINE], { cwd: folder, store: SHARED_STORE });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const statuses = reportIn(folder).samples.map(({ name, status }) => [name, status]);
  assert.deepEqual(statuses.sort(), [
    ['cargo/tests/starts.rs/crashes', 'passed'],
    ['cargo/tests/starts.rs/prints', 'passed'],
    ['cargo/tests/starts.rs/starts_itself', 'passed'],
  ]);
});

test(
  'where the kernel registers no emulator, what starts programs is skipped with the reason, and nothing else',
  EMULATED,
  async (t) => {
    const folder = temporaryFolder(t);
    put(folder, {
      'starts.py': `${HEADER('Starts one')}print("${randomUUID()}")\n`,
      'plain.py': `print("${randomUUID()}")\n`,
    });
    const run = await provision(['aarch64', ...ENGINE, '--samples', 'starts.py', '--samples', 'plain.py'], {
      cwd: folder,
      store: SHARED_STORE,
      through: FILTER,
    });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const { samples, notices } = reportIn(folder);
    const [plain, starts] = [...samples].sort((a, b) => (a.name < b.name ? -1 : 1));
    assert.equal(plain?.status, 'passed');
    assert.equal(starts?.status, 'skipped');
    assert.match(starts?.reason ?? '', /^aarch64 lacks subprocess here: We run .*seccomp filter/);
    const notice = notices.find(({ code }) => code === 'samples/programs-not-started');
    assert.match(notice?.message ?? '', /provision doctor/);
  },
);

test('doctor tells that started programs are emulated, or why not and what helps', EMULATED, async (t) => {
  const cwd = temporaryFolder(t);
  const refused = await provision(['doctor', ...ENGINE], { cwd, store: SHARED_STORE, through: FILTER });
  assert.match(
    refused.stdout,
    /lack {2}namespace +do not start \([^)]*aarch64[^)]*\)\. We run .*seccomp filter.*\n +→ .*--security-opt/,
  );
  if (REGISTERS.skip !== false) return;
  const works = await provision(['doctor', ...ENGINE], { cwd, store: SHARED_STORE });
  assert.match(works.stdout, /ok {4}namespace +are emulated, too/);
});
