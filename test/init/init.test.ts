import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { writeAll } from '../../src/init/write.ts';
import { provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { crateOf, LOCK, MANIFEST, PROGRAM, put } from '../support/crate.ts';
import { asOrdinaryUser } from '../support/ordinary-user.ts';
import { CTRL_C, NO_TERMINAL, onTerminal } from '../support/terminal.ts';

/** A program that runs the script it is given. */
const RUNNER = {
  ...PROGRAM,
  'src/main.rs': `fn main() {
    let code = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    Python::attach(|py| py.run(&CString::new(code).unwrap(), None, None)).unwrap();
}
`,
};

test('init writes a valid recipe, a sample and a workflow, and overwrites them only with --force', async (t) => {
  const crate = crateOf(t, RUNNER);
  mkdirSync(join(crate, '.git'));
  const run = await provision(['init'], { cwd: join(crate, 'src') });
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /PyO3 {2}0\.30\.1/);
  assert.ok(run.stdout.split('\n').every((line) => line.length <= 110));
  const recipe = parse(readFileSync(join(crate, 'provision.yaml'), 'utf8')) as Record<string, unknown>;
  assert.deepEqual(recipe, { schema: 1, extends: 'aarch64', samples: { path: 'samples' } });
  assert.deepEqual(readdirSync(join(crate, 'samples')), ['hello.py']);
  const plan = await provision(['plan', '--json'], { cwd: crate });
  assert.equal(plan.status, 0, plan.stderr);
  const workflow = parse(readFileSync(join(crate, '.github/workflows/provision.yml'), 'utf8')) as {
    jobs: { provision: { steps: { uses: string; with?: Record<string, string> }[] } };
  };
  const { steps } = workflow.jobs.provision;
  const action = parse(readFileSync(join(REPOSITORY, 'action.yml'), 'utf8')) as { inputs: object };
  const [attest, provisioned] = [steps.at(-1), steps.at(-2)];
  for (const name of Object.keys(provisioned?.with ?? {})) assert.ok(name in action.inputs, name);
  assert.match(attest?.uses ?? '', /^actions\/attest-build-provenance@[0-9a-f]{40}$/);
  assert.deepEqual(attest?.with, { 'subject-path': `$\{{ steps.provision.outputs.bundle }}` });

  const before = readFileSync(join(crate, 'provision.yaml'), 'utf8');
  const again = await provision(['init', 'riscv64'], { cwd: crate });
  assert.equal(again.status, 2);
  assert.match(again.stderr, /usage\/exists/);
  assert.match(again.stderr, /provision\.yaml/);
  assert.equal(readFileSync(join(crate, 'provision.yaml'), 'utf8'), before);
  const forced = await provision(
    ['init', 'riscv64', '--force', '--tests', 'command', '--tests', 'cargo', '--action', 'some/one@v1'],
    { cwd: crate },
  );
  assert.equal(forced.status, 0, forced.stderr);
  assert.deepEqual(parse(readFileSync(join(crate, 'provision.yaml'), 'utf8')), {
    schema: 1,
    extends: 'riscv64',
    tests: { cargo: {}, commands: [{ name: 'help', args: ['--help'] }] },
  });
  assert.match(readFileSync(join(crate, '.github/workflows/provision.yml'), 'utf8'), /uses: some\/one@v1/);
  const upgrade = readFileSync(join(crate, '.github/workflows/provision-upgrade.yml'), 'utf8');
  assert.match(upgrade, /repository: some\/one\n {10}ref: v1\n[\s\S]*provision upgrade --project \./);
  assert.deepEqual(
    readdirSync(crate).filter((name) => /\.(new|old)$/.test(name)),
    [],
  );
});

test('init does not prompt without a terminal; --bin selects one of several programs', async (t) => {
  const crate = crateOf(t, { ...PROGRAM, 'src/bin/other.rs': 'fn main() {}\n#[test]\nfn t() {}\n' });
  const run = await provision(['init'], { cwd: crate });
  assert.equal(run.status, 2);
  assert.match(run.stderr, /recipe\/which-bin/);
  assert.ok(!existsSync(join(crate, 'provision.yaml')));
  const named = await provision(['init', '--bin', 'other', '--no-workflow', '--project', crate]);
  assert.equal(named.status, 0, named.stderr);
  assert.deepEqual(parse(readFileSync(join(crate, 'provision.yaml'), 'utf8')), {
    schema: 1,
    extends: 'aarch64',
    project: { bin: 'other' },
    tests: { cargo: {}, commands: [{ name: 'runs' }] },
  });
  assert.ok(!existsSync(join(crate, '.github')));
});

test('init names the folders with modules that the program imports', async (t) => {
  const crate = crateOf(t, {
    ...PROGRAM,
    'src/main.rs':
      'fn main() { py.import("tool"); py.run(c"from single import x\\nimport json", None, None); }\n',
    'python/tool/__init__.py': '',
    'more modules/single.py': '',
    'other/json_not.py': '',
    'tests/tool.py': '',
    'docs/tool/readme.txt': '',
  });
  const run = await provision(['init', 'musl', '--yes', '--no-workflow'], { cwd: crate });
  assert.equal(run.status, 0, run.stderr);
  const recipe = parse(readFileSync(join(crate, 'provision.yaml'), 'utf8'));
  assert.deepEqual(recipe.python, { paths: ['more modules/', 'python/'] });
  assert.equal((await provision(['plan'], { cwd: crate })).status, 0);
});

test('init rejects a folder without a crate and an extension module', async (t) => {
  const empty = temporaryFolder(t);
  const cases = [
    [empty, /recipe\/no-project/],
    [
      crateOf(t, {
        ...PROGRAM,
        'Cargo.toml': MANIFEST.replace('"0.30"', '{ version = "0.30", features = ["extension-module"] }'),
      }),
      /recipe\/extension-module[\s\S]*libpython/,
    ],
  ] as const;
  for (const [folder, message] of cases) {
    const run = await provision(['init', '--yes'], { cwd: folder });
    assert.equal(run.status, 2, run.stdout);
    assert.match(run.stderr, message);
    assert.ok(!existsSync(join(folder, 'provision.yaml')));
  }
  const without = crateOf(t, { ...PROGRAM, 'Cargo.toml': '[package]\nname = "mini"\n', 'Cargo.lock': '' });
  const run = await provision(['init', '--yes'], { cwd: without });
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /PyO3 {2}not used/);
  const wrong = await provision(['init', 'aarch46'], { cwd: crateOf(t) });
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /Did you mean `aarch64`/);
});

test('init writes all files or none', async (t) => {
  const folder = temporaryFolder(t);
  put(folder, { one: 'old', 'two/in-the-way': '' });
  const files = [
    { path: join(folder, 'one'), text: 'new' },
    { path: join(folder, 'deep/er/three'), text: 'new' },
    // A file exists where a folder would be created.
    { path: join(folder, 'one/below'), text: 'new' },
  ];
  const written = await writeAll(files);
  assert.ok(!written.ok && written.error.code === 'usage/not-written');
  assert.equal(readFileSync(join(folder, 'one'), 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder).sort(), ['one', 'two']);
  const late = await writeAll([files[0] as (typeof files)[0], { path: join(folder, 'four'), text: 'x' }]);
  assert.ok(late.ok);
  assert.equal(readFileSync(join(folder, 'one'), 'utf8'), 'new');
  assert.deepEqual(readdirSync(folder).sort(), ['four', 'one', 'two']);
});

test('init prompts at a terminal; Ctrl-C writes nothing', { skip: NO_TERMINAL }, async (t) => {
  const crate = crateOf(t, { ...PROGRAM, 'src/bin/other.rs': 'fn main() {}\n' });
  const line = `cd ${quoted(crate)} && ${quoted(process.execPath)} ${quoted(join(REPOSITORY, 'src/cli.ts'))} init`;
  const stopped = onTerminal(line);
  await stopped.shows('Which program?');
  stopped.type(CTRL_C);
  await stopped.ended;
  assert.ok(!existsSync(join(crate, 'provision.yaml')));
  const terminal = onTerminal(line);
  await terminal.shows('Which program?');
  terminal.type('other\n');
  await terminal.shows('Which recipe?');
  terminal.type('zebra\n');
  await terminal.shows('Which recipe?');
  terminal.type('musl\n');
  await terminal.shows('run a script');
  terminal.type('no\n');
  await terminal.ended;
  assert.deepEqual(parse(readFileSync(join(crate, 'provision.yaml'), 'utf8')), {
    schema: 1,
    extends: 'musl',
    project: { bin: 'other' },
    tests: { commands: [{ name: 'runs' }] },
  });
});

test('init fails on a folder that cannot be written and leaves it unchanged', (t) => {
  const user = asOrdinaryUser(t);
  if (user === undefined) return t.skip('an ordinary user cannot read this checkout');
  const crate = join(user.folder, 'crate');
  mkdirSync(crate);
  put(crate, PROGRAM);
  chmodSync(crate, 0o555);
  const command = [join(REPOSITORY, 'src/cli.ts'), 'init', '--yes', '--project', crate];
  assert.throws(
    () => user.run(command),
    ({ status, stderr }: { status: number; stderr: string }) =>
      status === 2 && /usage\/not-written/.test(stderr),
  );
  assert.deepEqual(
    readdirSync(crate).sort(),
    Object.keys(PROGRAM)
      .map((name) => name.split('/')[0])
      .sort(),
  );
});

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

test('init of a library writes its tests; what needs a program is rejected with the reason', async (t) => {
  const files = { 'Cargo.toml': MANIFEST, 'Cargo.lock': LOCK, 'src/lib.rs': '', 'samples/notes.py': '' };
  const crate = crateOf(t, files);
  const asked = await provision(['init', '--yes', '--tests', 'samples'], { cwd: crate });
  assert.equal(asked.status, 2);
  assert.match(asked.stderr, /usage\/tests[\s\S]*library/);
  const init = await provision(['init', 'x86_64', '--yes', '--no-workflow'], { cwd: crate });
  assert.equal(init.status, 0, init.stderr);
  assert.match(init.stdout, /^mini: no program\n[\s\S]* {2}Does {2}a library: its own tests are run\n/);
  const written = readFileSync(join(crate, 'provision.yaml'), 'utf8');
  assert.deepEqual(parse(written), { schema: 1, extends: 'x86_64', tests: { cargo: {} } });
  const plan = await provision(['plan'], { cwd: crate });
  assert.match(plan.stdout, /bundle +Skipped: mini is a library\.[\s\S]*cargo-test Fetch/);
  for (const [more, key] of [
    ['samples: {path: samples}', /recipe\/no-program[\s\S]*`samples` needs[\s\S]*library/],
    ['wasm: {snapshot: true}', /`wasm\.snapshot` needs a program/],
  ] as const) {
    writeFileSync(join(crate, 'provision.yaml'), `${written}${more}\n`);
    const rejected = await provision(['plan'], { cwd: crate });
    assert.equal(rejected.status, 2);
    assert.match(rejected.stderr, key);
  }
  writeFileSync(join(crate, 'provision.yaml'), 'schema: 1\nextends: x86_64\n');
  assert.match(
    (await provision(['plan'], { cwd: crate })).stderr,
    /recipe\/no-bin[\s\S]*tests: \{cargo: \{\}\}/,
  );
  writeFileSync(join(crate, 'provision.yaml'), written);
  for (const [args, what] of [
    [['run', '--format', 'deb'], /`--format deb` needs a program/],
    [['run', '--samples', 'samples'], /`--samples` needs a program/],
    [['conformance', 'x86_64', '--project', '.'], /`provision conformance` needs a program/],
    [['probe', '--ladder'], /`--ladder` needs a program/],
  ] as const) {
    const rejected = await provision([...args], { cwd: crate });
    assert.equal(rejected.status, 2, rejected.stderr);
    assert.match(rejected.stderr, what);
  }
});
