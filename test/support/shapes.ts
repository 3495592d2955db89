/** Small programs as people write them, each with its `main`; members of one workspace, so that PyO3 is compiled once. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './cli.ts';

export interface ProgramShape {
  readonly files: Readonly<Record<string, string>>;
  /** What `init --yes` writes beside `schema` and `extends`. */
  readonly recipe: Readonly<Record<string, unknown>>;
}

const RUN = 'pyo3::Python::attach(|py| py.run(c"print(\'hello\')", None, None)).unwrap();';
const PRELUDE = 'use pyo3::prelude::*;\n';
const command = (one: Readonly<Record<string, unknown>>) => ({ tests: { commands: [one] } });

export const SHAPES: Readonly<Record<string, ProgramShape>> = {
  'fixed-program': {
    files: { 'src/main.rs': `fn main() {\n    ${RUN}\n}\n` },
    recipe: command({ name: 'runs' }),
  },
  'script-runner': {
    files: {
      'src/main.rs': `${PRELUDE}
fn main() -> PyResult<()> {
    let path = std::env::args().nth(1).expect("a script");
    let code = std::ffi::CString::new(std::fs::read_to_string(&path)?)?;
    Python::attach(|py| py.run(&code, None, None))
}
`,
    },
    recipe: { samples: { path: 'samples' } },
  },
  'script-command': {
    files: {
      'src/main.rs': `${PRELUDE}
fn main() -> PyResult<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let code = match args.first().map(String::as_str) {
        Some("version") => return Ok(println!("1.0")),
        Some("run") => std::fs::read_to_string(&args[1])?,
        _ => {
            eprintln!("usage: script-command run <script>");
            std::process::exit(2)
        }
    };
    Python::attach(|py| {
        py.import("sys")?.setattr("argv", args[1..].to_vec())?;
        py.run(&std::ffi::CString::new(code)?, None, None)
    })
}
`,
    },
    recipe: { samples: { path: 'samples', args: ['run', '{script}', '{args}'] } },
  },
  'own-commands': {
    files: {
      'src/main.rs': `fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("greet") => { ${RUN} }
        Some("--version") => println!("own-commands 0.1.0"),
        _ => {
            eprintln!("usage: own-commands greet");
            std::process::exit(64);
        }
    }
}
`,
    },
    recipe: command({ name: 'version', args: ['--version'] }),
  },
  'needs-arguments': {
    files: {
      'src/main.rs': `fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.len() < 2 {
        eprintln!("usage: needs-arguments <name>");
        std::process::exit(2);
    }
    ${RUN}
    println!("{}", args[1]);
}
`,
    },
    recipe: command({ name: 'without-arguments', status: 2 }),
  },
  'library-and-program': {
    files: {
      'src/lib.rs': `${PRELUDE}
/// Adds in Python.
pub fn add(a: i32, b: i32) -> PyResult<i32> {
    Python::attach(|py| py.eval(&std::ffi::CString::new(format!("{a} + {b}"))?, None, None)?.extract())
}

#[cfg(test)]
mod tests {
    #[test]
    fn adds() {
        assert_eq!(super::add(20, 22).unwrap(), 42);
        let _ = std::env::args();
    }
}
`,
      'src/main.rs': 'fn main() {\n    println!("{}", library_and_program::add(1, 2).unwrap());\n}\n',
    },
    recipe: { tests: { cargo: {}, commands: [{ name: 'runs' }] } },
  },
  'several-programs': {
    files: {
      'src/main.rs': `fn main() {\n    ${RUN}\n}\n`,
      'src/bin/other.rs': 'fn main() {\n    println!("{}", std::env::args().nth(1).unwrap());\n}\n',
    },
    recipe: { project: { bin: 'several-programs' }, ...command({ name: 'runs' }) },
  },
  'reads-input': {
    files: {
      'src/main.rs': `${PRELUDE}
fn main() -> PyResult<()> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let number: i64 = line.trim().parse().expect("a number");
    Python::attach(|py| {
        let square: i64 = py.eval(c"lambda n: n * n", None, None)?.call1((number,))?.extract()?;
        println!("{square}");
        Ok(())
    })
}
`,
    },
    recipe: command({ name: 'input', stdin: '1\n' }),
  },
  'asks-itself': {
    files: {
      'src/main.rs': `use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let server = TcpListener::bind("127.0.0.1:0")?;
    let address = server.local_addr()?;
    let answer = std::thread::spawn(move || {
        let mut text = String::new();
        TcpStream::connect(address)?.read_to_string(&mut text).map(|_| text)
    });
    let (mut client, _) = server.accept()?;
    let text: String = pyo3::Python::attach(|py| {
        use pyo3::prelude::*;
        py.eval(c"'6 * 7 = %d' % 42", None, None).unwrap().extract().unwrap()
    });
    client.write_all(text.as_bytes())?;
    drop(client);
    println!("{}", answer.join().unwrap()?);
    Ok(())
}
`,
    },
    recipe: command({ name: 'runs' }),
  },
  'data-and-build-script': {
    files: {
      'build.rs':
        'fn main() {\n    let out = std::env::var("OUT_DIR").unwrap();\n    std::fs::write(format!("{out}/made.py"), "print(\'made\')\\n").unwrap();\n}\n',
      'data/code.py': 'print("data")\n',
      'src/main.rs': `use pyo3::prelude::*;

const DATA: &str = include_str!("../data/code.py");
const MADE: &str = include_str!(concat!(env!("OUT_DIR"), "/made.py"));

fn main() -> PyResult<()> {
    Python::attach(|py| {
        for code in [DATA, MADE] {
            py.run(&std::ffi::CString::new(code)?, None, None)?;
        }
        Ok(())
    })
}
`,
    },
    recipe: command({ name: 'runs' }),
  },
  'opens-files': {
    files: {
      'config.toml': 'answer = 42\n',
      'data/words.txt': 'one\ntwo\n',
      'src/main.rs': `${PRELUDE}
const WORDS: &str = "data/words.txt";

fn main() -> PyResult<()> {
    let config = std::fs::read_to_string("config.toml")?;
    let words = std::fs::read_to_string(WORDS)?.lines().count();
    std::fs::write("data/counted.txt", format!("{words}\\n"))?;
    Python::attach(|py| {
        py.run(c"print(open('config.toml').read())", None, None)?;
        let all: String = py.import("pathlib")?.call_method1("Path", ("data/counted.txt",))?.call_method0("read_text")?.extract()?;
        assert_eq!((config.as_str(), all.as_str()), ("answer = 42\\n", "2\\n"));
        Ok(())
    })
}
`,
    },
    recipe: command({ name: 'runs', files: ['config.toml', 'data'] }),
  },
  'names-files': {
    files: {
      '.env': 'KEY=1\n',
      'one.txt': '1\n',
      'say "hi".txt': 'hi\n',
      'default.cfg': 'x\n',
      'src/app.py': 'import sqlite3\nprint(open("rows.csv").read())\n',
      'rows.csv': 'a,b\n',
      'docs/unused.md': '',
      'plugins/.keep': '',
      'conf.d/base.ini': '',
      'out/.keep': '',
      'src/main.rs': `${PRELUDE}
const NAME: &str = "docs";

fn main() -> PyResult<()> {
    let path = ".env";
    assert_eq!(std::fs::read_to_string(path)?, "KEY=1\\n");
    for name in ["one.txt", "say \\"hi\\".txt"] {
        assert!(!std::fs::read(name)?.is_empty());
    }
    let config = std::env::var("CONFIG").unwrap_or_else(|_| "default.cfg".to_string());
    std::fs::metadata(config)?;
    assert_eq!(std::fs::read_dir("plugins")?.count(), 1);
    std::fs::write("out/result.txt", NAME)?;
    std::env::set_current_dir("conf.d")?;
    std::fs::metadata("base.ini")?;
    std::env::set_current_dir("..")?;
    let code = std::ffi::CString::new(std::fs::read_to_string("src/app.py")?)?;
    Python::attach(|py| {
        py.run(c"assert open('rows.csv').read()", None, None)?;
        py.run(&code, None, None)
    })
}
`,
    },
    recipe: command({
      name: 'runs',
      files: [
        '.env',
        'conf.d',
        'default.cfg',
        'one.txt',
        'out',
        'plugins',
        'rows.csv',
        'say "hi".txt',
        'src/app.py',
      ],
    }),
  },
  'ends-with-three': {
    files: {
      'src/main.rs': `fn main() {
    let set = "{";
    if set.len() > 1 {
        std::process::exit(1);
    }
    ${RUN}
    std::process::exit(3)
}
`,
    },
    recipe: command({ name: 'runs', status: 3 }),
  },
  'example-only': {
    files: {
      'src/lib.rs': 'pub const CODE: &std::ffi::CStr = c"print(\'example\')";\n',
      'examples/shows.rs':
        'fn main() {\n    pyo3::Python::attach(|py| py.run(example_only::CODE, None, None)).unwrap();\n}\n',
    },
    recipe: command({ name: 'runs' }),
  },
  'tests-and-server': {
    files: {
      'src/main.rs': `use std::io::Write;

fn main() -> std::io::Result<()> {
    for client in std::net::TcpListener::bind("127.0.0.1:8080")?.incoming() {
        client?.write_all(answer().as_bytes())?;
    }
    Ok(())
}

fn answer() -> String {
    use pyo3::prelude::*;
    Python::attach(|py| py.eval(c"'hello'", None, None).unwrap().extract().unwrap())
}

#[cfg(test)]
mod tests {
    #[test]
    fn answers() {
        assert_eq!(super::answer(), "hello");
    }
}
`,
    },
    recipe: { tests: { cargo: {}, commands: [{ name: 'serves', server: { port: 8080 } }] } },
  },
  'tests-only': {
    files: {
      'src/lib.rs': `${PRELUDE}
/// Adds in Python.
pub fn add(a: i32, b: i32) -> PyResult<i32> {
    Python::attach(|py| py.eval(&std::ffi::CString::new(format!("{a} + {b}"))?, None, None)?.extract())
}
`,
      'tests/adds.rs': '#[test]\nfn adds() {\n    assert_eq!(tests_only::add(20, 22).unwrap(), 42);\n}\n',
    },
    recipe: { tests: { cargo: {} } },
  },
  'extension-and-program': {
    files: {
      'pyproject.toml': '[build-system]\nrequires = ["maturin>=1"]\nbuild-backend = "maturin"\n',
      'src/lib.rs': `/// # Safety
/// Python calls it, which has started.
#[no_mangle]
pub unsafe extern "C" fn PyInit_extension_and_program() -> *mut pyo3::ffi::PyObject {
    pyo3::ffi::PyModule_New(c"extension_and_program".as_ptr())
}
`,
      'src/main.rs': `fn main() {
    ${RUN}
}
`,
    },
    recipe: command({ name: 'runs' }),
  },
};

/** A `Cargo.lock` of packages that use PyO3: the crates of the shipped program. */
export function lockedWith(names: readonly string[]): string {
  const shipped = readFileSync(join(REPOSITORY, 'runner', 'Cargo.lock'), 'utf8');
  const others = shipped.split(/(?=^\[\[package\]\]$)/m).filter((part) => !part.includes('name = "isolate"'));
  const locked = names.map(
    (name) => `[[package]]\nname = "${name}"\nversion = "0.1.0"\ndependencies = [\n "pyo3",\n]\n`,
  );
  return `${others.join('').trimEnd()}\n\n${locked.join('\n')}`;
}

/** The workspace of some shapes, locked with the crates of the shipped program. */
export function shapesWorkspace(names: readonly string[]): Readonly<Record<string, string>> {
  const members = names.map((name) => `"${name}"`).join(', ');
  const files = names.flatMap((name) => {
    const { files } = SHAPES[name] as ProgramShape;
    const manifest = `[package]
name = "${name}"
version = "0.1.0"
edition = "2021"
${name.startsWith('extension') ? '\n[lib]\ncrate-type = ["cdylib", "rlib"]\n\n[features]\nextension-module = ["pyo3/extension-module"]\n' : ''}
[dependencies]
pyo3 = { version = "0.30.1", default-features = false, features = ["auto-initialize"] }
`;
    return Object.entries({ 'Cargo.toml': manifest, ...files }).map(
      ([path, text]) => [`${name}/${path}`, text] as const,
    );
  });
  return {
    'Cargo.toml': `[workspace]\nmembers = [${members}]\nresolver = "2"\n`,
    'Cargo.lock': lockedWith(names),
    ...Object.fromEntries(files),
  };
}
