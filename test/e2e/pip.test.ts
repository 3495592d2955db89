// pip and virtualenv from the package index, as packages of a bundle: they do there what they do with python3.
// With PROVISION_TEST_ALL=1, as it asks the index: shared and static Python, emulated and not.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { runnerRecipe } from '../support/runner-recipe.ts';

const TARGETS = ['x86_64', 'x86_64-musl', 'aarch64'];

const SAMPLES = {
  'imports.py': `import pip, virtualenv, zipapp, pathlib, runpy, sys
print(pip.__version__ > "20", bool(virtualenv.__version__))
pathlib.Path("app").mkdir()
pathlib.Path("app/__main__.py").write_text("print('from an archive')\\n")
zipapp.create_archive("app", "app.pyz")
runpy.run_path("app.pyz")
from pip._internal.cli.main import main
print(main(["--disable-pip-version-check", "check"]))
try:
    import ensurepip
except ModuleNotFoundError as error:
    print(error)
sys.stdout.flush()
`,
  'environments.py': `# /// sample
# requires: subprocess
# timeout: 300
# ///
import subprocess, sys, virtualenv
virtualenv.cli_run(["--no-download", "--no-periodic-update", "made"])
python = "made/bin/python"
said = subprocess.run([python, "-c", "import sys; print(sys.prefix.endswith('/made'))"], capture_output=True, text=True)
print(said.stdout, said.stderr)
said = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, text=True)
print(said.stdout.split(" from ")[0].split()[0], said.stderr)
said = subprocess.run([sys.executable, "-m", "pip", "--python", python, "check"], capture_output=True, text=True)
print(said.returncode, said.stdout)
sys.stdout.flush()
`,
};

for (const target of TARGETS) {
  const skip = process.env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 runs it';
  test(`pip, virtualenv and zipapp on ${target}`, { skip }, async (t) => {
    const folder = temporaryFolder(t, 'provision pip ü ');
    const samples = join(folder, 'samples');
    mkdirSync(samples);
    for (const [name, text] of Object.entries(SAMPLES)) writeFileSync(join(samples, name), text);
    const more = 'python: {packages: [pip, virtualenv]}\n';
    writeFileSync(join(folder, 'tools.yaml'), runnerRecipe(target, { samples, more }));
    const options = { cwd: folder, store: SHARED_STORE, timeoutMs: 30 * 60_000 };
    const locked = await provision(['lock', './tools.yaml'], options);
    assert.equal(locked.status, 0, locked.stderr);
    const run = await provision(['run', './tools.yaml'], options);
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const report = JSON.parse(readFileSync(join(folder, 'artifacts/tools/report.json'), 'utf8'));
    const [first] = report.samples as { target: { stdout: string } }[];
    assert.ok(first !== undefined);
    const said = JSON.stringify(report.samples);
    assert.match(said, /from an archive/);
    assert.match(said, /No module named 'ensurepip'/);
  });
}
