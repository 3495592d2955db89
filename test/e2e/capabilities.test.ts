// What `OPERATIONS` lists, on every target: each is done once with a small crate, or refused with the reason of the table.
// Some targets here; all of them, and the probe and conformance, with PROVISION_TEST_ALL=1; of these
// only the recipes that PROVISION_TEST_CELLS names, with commas.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { catalogueFolder, readCatalogue } from '../../src/diagnose/read-catalogue.ts';
import type { BlockerSummary } from '../../src/domain/blocker.ts';
import { CAPABILITIES, type RuntimeCapabilities } from '../../src/runtime/capabilities.ts';
import { provision, REPOSITORY, SHARED_STORE } from '../support/cli.ts';
import { crateOf } from '../support/crate.ts';
import { lockedWith } from '../support/shapes.ts';

const GATE = ['x86_64', 'wasm32-wasip1', 'wasm32-wasip1-node'];
const ALL = [...GATE, 'native', 'aarch64', 'musl', 'armv7', 'ppc64le', 'riscv64', 's390x', 'aarch64-musl'];
const NAMED = process.env.PROVISION_TEST_CELLS?.split(',');
const recipes = (process.env.PROVISION_TEST_ALL === '1' ? ALL : GATE).filter(
  (recipe) => NAMED === undefined || NAMED.includes(recipe),
);

const CODES = new Set(readCatalogue(catalogueFolder(REPOSITORY)).map(({ code }) => code));

const MAIN = `use pyo3::prelude::*;

fn main() -> PyResult<()> {
    let code = match std::env::args().nth(1).as_deref() {
        Some("fail") => "int('x')".to_string(),
        Some("hello") => "print('hello')".to_string(),
        Some("file") => std::fs::read_to_string("data/code.py")?,
        Some("flush") => "import sys; print('hello'); sys.stdout.flush()".to_string(),
        Some(script) => std::fs::read_to_string(script)?,
        None => return Ok(println!("usage: cell <script>")),
    };
    let ran = Python::attach(|py| {
        py.import("sys")?.setattr("argv", std::env::args().skip(1).collect::<Vec<_>>())?;
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
python: {from: packages}
samples: {path: samples}
tests:
  cargo: {}
  commands:
    - {name: usage, stdout: "usage: cell <script>\\n"}
    - {name: file, args: [file], files: [data], stdout: "from a file\\n"}
    - {name: ended, args: [hello], stdout: "hello\\n"}
    - {name: flushed, args: [flush, and-leave-open], stdout: "hello\\n"}
    - {name: lost, args: [hello, and-leave-open], stdout: "hello\\n"}
    - {name: traceback, args: [fail], stdout: "41\\n"}
`;

interface Report {
  readonly bundle?: { readonly file: string };
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
    'data/code.py': 'print("from a file")\n',
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
      const { samples, bundle } = JSON.parse(
        readFileSync(join(cwd, 'artifacts', recipe, 'report.json'), 'utf8'),
      ) as Report;
      const status = (name: string): string | undefined =>
        samples.find((one) => one.name.startsWith(name))?.status;
      assert.deepEqual(
        ['prints', 'usage', 'file', 'ended', 'flushed', 'lost', 'traceback'].map((name, index) =>
          status(index === 0 ? name : `command/${name}`),
        ),
        ['passed', 'passed', 'passed', 'passed', 'passed', 'failed', 'failed'],
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
      for (const workbench of ['exec', 'shell']) {
        const asked = await provision([workbench, recipe, '--', 'cargo', '--version'], {
          cwd,
          store: SHARED_STORE,
        });
        assert.equal(asked.status, 0, asked.stderr);
        assert.match(asked.stdout, /^cargo \d/m, workbench);
      }
      const inspected = await provision(['inspect', join(cwd, bundle?.file ?? ''), '--json'], { cwd });
      assert.equal(inspected.status, 0, inspected.stderr);
      assert.ok(inspected.stdout.includes('bin/cell'), inspected.stdout);
      if (impossible.snapshot !== undefined) await refusesSnapshot(cwd, recipe, impossible.snapshot);
      if (process.env.PROVISION_TEST_ALL === '1') await probesAndConforms(cwd, recipe);
    });
  }
});

async function refusesSnapshot(cwd: string, recipe: string, why: string): Promise<void> {
  const project = join(cwd, 'with-snapshot.yaml');
  writeFileSync(project, `schema: 1\nextends: ${recipe}\nwasm: {snapshot: true}\n`);
  const refused = await provision(['plan', project], { cwd });
  rmSync(project);
  assert.equal(refused.status, 2, refused.stdout + refused.stderr);
  assert.ok(refused.stderr.replaceAll(/\s+/g, ' ').includes(why), refused.stderr);
}

async function probesAndConforms(cwd: string, recipe: string): Promise<void> {
  const probed = await provision(['probe', recipe, '--rust', 'image', '--json'], {
    cwd,
    store: SHARED_STORE,
  });
  assert.equal(probed.status, 0, probed.stdout + probed.stderr);
  const { blockers } = JSON.parse(probed.stdout) as { readonly blockers: readonly BlockerSummary[] };
  for (const { code, cure = '', lines, file } of blockers) {
    assert.ok(CODES.has(code), probed.stdout);
    assert.ok(cure !== '' && lines.length > 0, probed.stdout);
    assert.ok(existsSync(join(cwd, 'artifacts', recipe, file)), file);
  }
  assert.deepEqual(
    blockers.map(({ code }) => code),
    [firstBlocker(recipe)],
  );
  if (recipe === 'x86_64') await namesMissingArguments(cwd, recipe);
  const conformed = await conform(cwd, recipe);
  assert.equal(conformed.status, 0, conformed.stdout + conformed.stderr);
  assert.match(conformed.stdout, /1 of 1 modules? conforms?/);
}

/** What a build with the Rust of the image meets first: it has a standard library, which is that of the machine. */
function firstBlocker(recipe: string): string {
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string];
  const own = (recipe === 'native' ? 'x86_64' : recipe) === machine;
  return own ? 'no-python-interpreter' : 'missing-target-std';
}

function conform(cwd: string, recipe: string, ...more: readonly string[]) {
  return provision(['conformance', recipe, '--tests', 'test_class', ...more], {
    cwd,
    store: SHARED_STORE,
    timeoutMs: 20 * 60_000,
  });
}

/** A program that does not set `sys.argv` cannot be asked for a module; the line that is printed mends it. */
async function namesMissingArguments(cwd: string, recipe: string): Promise<void> {
  const file = join(cwd, 'src/main.rs');
  const whole = readFileSync(file, 'utf8');
  const [line] = /^.*setattr\("argv".*$/m.exec(whole) ?? [];
  writeFileSync(file, whole.replace(line as string, '// here'));
  const refused = await conform(cwd, recipe, '--json');
  assert.equal(refused.status, 7, refused.stdout + refused.stderr);
  const { failure } = JSON.parse(refused.stdout) as {
    readonly failure: { readonly code: string; readonly fix: readonly string[] };
  };
  assert.equal(failure.code, 'samples/no-arguments');
  const [, cure] = /`(py\.import.*)`/.exec(failure.fix.join('\n')) ?? [];
  writeFileSync(file, whole.replace(line as string, `${cure};`));
}
