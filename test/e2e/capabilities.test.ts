// What `OPERATIONS` lists, on every target: each is done once with a small crate, or refused with the reason of the table.
// Some targets here; all that need no CPython of their own with PROVISION_TEST_ALL=1.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CAPABILITIES, type RuntimeCapabilities } from '../../src/runtime/capabilities.ts';
import { provision, SHARED_STORE } from '../support/cli.ts';
import { crateOf } from '../support/crate.ts';
import { lockedWith } from '../support/shapes.ts';

const GATE = ['x86_64', 'wasm32-wasip1', 'wasm32-wasip1-node'];
const ALL = [...GATE, 'native', 'aarch64', 'musl', 'armv7', 'ppc64le', 'riscv64', 's390x'];
const recipes = process.env.PROVISION_TEST_ALL === '1' ? ALL : GATE;

const MAIN = `use pyo3::prelude::*;

fn main() -> PyResult<()> {
    let code = match std::env::args().nth(1).as_deref() {
        Some("fail") => "int('x')".to_string(),
        Some("hello") => "print('hello')".to_string(),
        Some("flush") => "import sys; print('hello'); sys.stdout.flush()".to_string(),
        Some(script) => std::fs::read_to_string(script)?,
        None => return Ok(println!("usage: cell <script>")),
    };
    let ran = Python::attach(|py| {
        py.run(&std::ffi::CString::new(code)?, None, None).inspect_err(|error| error.print(py))
    });
    if std::env::args().nth(2).is_none() {
        unsafe { pyo3::ffi::PyGILState_Ensure(); pyo3::ffi::Py_FinalizeEx(); }
    }
    std::process::exit(ran.is_err().into())
}

#[cfg(test)]
mod tests {
    use pyo3::prelude::*;

    #[test]
    fn adds() {
        let sum: i32 = Python::attach(|py| py.eval(c"41 + 1", None, None)?.extract()).unwrap();
        assert_eq!(sum, 42);
    }
}
`;

const RECIPE = `schema: 1
extends: x86_64
samples: {path: samples}
tests:
  cargo: {}
  commands:
    - {name: usage, stdout: "usage: cell <script>\\n"}
    - {name: ended, args: [hello], stdout: "hello\\n"}
    - {name: flushed, args: [flush, and-leave-open], stdout: "hello\\n"}
    - {name: lost, args: [hello, and-leave-open], stdout: "hello\\n"}
    - {name: traceback, args: [fail], stdout: "41\\n"}
`;

interface Report {
  readonly samples: readonly {
    readonly name: string;
    readonly status: string;
    readonly reason?: string;
    readonly diff?: string;
  }[];
}

test('each operation is done on each target, or refused with its reason', async (t) => {
  const cwd = crateOf(t, {
    'Cargo.toml':
      '[package]\nname = "cell"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\npyo3 = { version = "0.30.1", default-features = false, features = ["auto-initialize"] }\n',
    'Cargo.lock': lockedWith(['cell']),
    'src/main.rs': MAIN,
    'samples/prints.py': 'print("printed")\n',
    'provision.yaml': RECIPE,
  });
  for (const recipe of recipes) {
    await t.test(recipe, async () => {
      const planned = await provision(['plan', recipe, '--json'], { cwd });
      assert.equal(planned.status, 0, planned.stderr);
      const { impossible } = CAPABILITIES[
        JSON.parse(planned.stdout).runtime as keyof typeof CAPABILITIES
      ] as RuntimeCapabilities;
      const possible = (['oci', 'deb'] as const).filter((format) => impossible[format] === undefined);
      const formats = possible.flatMap((format) => ['--format', format]);
      const run = await provision([recipe, ...formats], { cwd, store: SHARED_STORE });
      assert.equal(run.status, 7, run.stdout + run.stderr);
      const { samples } = JSON.parse(
        readFileSync(join(cwd, 'artifacts', recipe, 'report.json'), 'utf8'),
      ) as Report;
      const status = (name: string): string | undefined =>
        samples.find((one) => one.name.startsWith(name))?.status;
      assert.deepEqual(
        ['prints', 'usage', 'ended', 'flushed', 'lost', 'traceback'].map((name, index) =>
          status(index === 0 ? name : `command/${name}`),
        ),
        ['passed', 'passed', 'passed', 'passed', 'failed', 'failed'],
      );
      const failed = samples.find(({ name }) => name === 'command/traceback');
      assert.match(failed?.diff ?? '', /Traceback[\s\S]*ValueError/);
      assert.doesNotMatch(failed?.reason ?? '', /reference/);
      assert.equal(status('cargo/'), impossible.cargo === undefined ? 'passed' : 'skipped');
      if (impossible.cargo !== undefined) assert.ok((run.stdout + run.stderr).includes(impossible.cargo));
      for (const format of ['oci', 'deb'] as const) {
        if (impossible[format] === undefined) continue;
        const refused = await provision([recipe, '--format', format], { cwd, store: SHARED_STORE });
        assert.equal(refused.status, 2);
        assert.ok(refused.stderr.replaceAll(/\s+/g, ' ').includes(impossible[format] as string));
      }
      const exec = await provision(['exec', recipe, '--', 'cargo', '--version'], {
        cwd,
        store: SHARED_STORE,
      });
      assert.equal(exec.status, 0, exec.stderr);
    });
  }
});
