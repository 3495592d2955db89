// Modules and packages of a recipe are imported by samples in the bundle as it is shipped, by commands, and by `cargo test`.
// On some targets here; on the others, and in a snapshot of the shipped program, with PROVISION_TEST_ALL=1.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import { type CliRun, provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { crateOf } from '../support/crate.ts';
import { lockedWith } from '../support/shapes.ts';
import { makeWheel } from '../support/wheel.ts';

const ALL = process.env.PROVISION_TEST_ALL === '1';
const PROGRAMS = [
  'musl',
  'wasm32-wasip1',
  ...(ALL ? ['x86_64', 'aarch64', 'native', 'wasm32-wasip1-node'] : []),
];

const IMPORT = `import importlib.resources
import from_wheel, from_list, own.part
from own import by_pth
text = importlib.resources.files('own').joinpath('data.txt').read_text()
`;

const MAIN = `use pyo3::prelude::*;

fn main() -> PyResult<()> {
    let code = match std::env::args().nth(1) {
        Some(script) => std::fs::read_to_string(script)?,
        None => "import own.part, sys; print('command', own.part.value); sys.stdout.flush()".to_string(),
    };
    Python::attach(|py| {
        py.run(&std::ffi::CString::new(code)?, None, None)?;
        py.run(c"import sys; sys.stdout.flush()", None, None)
    })
}

#[cfg(test)]
mod tests {
    use pyo3::prelude::*;

    #[test]
    fn imports() {
        Python::attach(|py| {
            let code = std::ffi::CString::new(include_str!("../import.py")).unwrap();
            py.run(&code, None, None).unwrap();
            let sum = py.eval(c"own.part.value + from_wheel.value + from_list.value + len(text) + by_pth.value", None, None);
            // What it imported is in the namespace of the main module.
            let sum: i32 = sum.and_then(|sum| sum.extract()).unwrap();
            assert_eq!(sum, 15);
        });
    }
}
`;

const SAMPLE = `${IMPORT}import importlib.metadata
print(own.part.value, from_wheel.value, from_list.value, by_pth.value, text)
print(importlib.metadata.version('from_wheel'), from_list.__name__)
`;

const wheel = (name: string, value: number) =>
  makeWheel(name, 'py3-none-any', `${name}.py`, Buffer.from(`value = ${value}\n`));

const FILES: Readonly<Record<string, string>> = {
  'Cargo.toml':
    '[package]\nname = "cell"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\npyo3 = { version = "0.30.1", default-features = false, features = ["auto-initialize"] }\n',
  'Cargo.lock': lockedWith(['cell']),
  'src/main.rs': MAIN,
  'import.py': IMPORT,
  'samples/imports.py': SAMPLE,
  'python/own/__init__.py': '',
  'python/own/part.py': 'value = 1\n',
  'python/own/by_pth.py': 'import sys\nvalue = sys.from_pth\n',
  'python/own/data.txt': 'four',
  'python/own.pth': 'import sys; sys.from_pth = 5\n',
  'requirements.txt': 'from_list==1.0\n',
};

/** Runs with the modules and packages; `more`: further lines of the recipe. */
function runWith(t: TestContext, cwd: string, recipe: string, more: string): Promise<CliRun> {
  const listed = wheel('from_list', 3);
  // pip takes a blank for the end of a folder.
  const links = temporaryFolder(t);
  writeFileSync(join(links, 'from_list-1.0-py3-none-any.whl'), listed);
  writeFileSync(join(cwd, 'from_wheel-1.0-py3-none-any.whl'), wheel('from_wheel', 2));
  const digest = createHash('sha256').update(listed).digest('hex');
  writeFileSync(join(cwd, 'requirements.txt'), `from_list==1.0 --hash=sha256:${digest}\n`);
  const python = `python: {paths: [python/], packages: [./from_wheel-1.0-py3-none-any.whl, requirements.txt]}\n`;
  writeFileSync(
    join(cwd, 'mine.yaml'),
    `schema: 1\nextends: ${recipe}\nsamples: {path: samples}\n${python}${more}`,
  );
  return provision(['run', './mine.yaml', '--artifacts', 'out'], {
    cwd,
    store: SHARED_STORE,
    env: { PIP_NO_INDEX: '1', PIP_FIND_LINKS: links },
  });
}

function results(cwd: string): readonly (readonly [string, string])[] {
  const { samples } = JSON.parse(readFileSync(join(cwd, 'out', 'report.json'), 'utf8')) as Report;
  return samples.map(({ name, status }) => [name, status] as const);
}

test('modules and packages are imported wherever the program runs', async (t) => {
  const cwd = crateOf(t, FILES);
  for (const recipe of PROGRAMS) {
    await t.test(recipe, async () => {
      const tests = 'tests: {cargo: {}, commands: [{name: own, stdout: "command 1\\n"}]}\n';
      const run = await runWith(t, cwd, recipe, tests);
      assert.equal(run.status, 0, run.stdout + run.stderr);
      assert.deepEqual(results(cwd), [
        ['imports', 'passed'],
        ['command/own', 'passed'],
        recipe.startsWith('wasm')
          ? ['cargo/cargo-test', 'skipped']
          : ['cargo/src/main.rs/tests::imports', 'passed'],
      ]);
    });
  }
});

test('in a snapshot, too', { skip: ALL ? false : 'PROVISION_TEST_ALL=1 runs it' }, async (t) => {
  const cwd = crateOf(t, FILES);
  const project = `project: {path: ${JSON.stringify(join(REPOSITORY, 'runner'))}, features: [snapshot]}\n`;
  const run = await runWith(t, cwd, 'wasm32-wasip1-snapshot', project);
  assert.equal(run.status, 0, run.stdout + run.stderr);
  assert.deepEqual(results(cwd), [['imports', 'passed']]);
});
