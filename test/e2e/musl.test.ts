// CPython built from source into one static program: the bundle's contents, and its independence of the system.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { shellWord } from '../../src/domain/shell.ts';
import { type CliRun, provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { assertPatchesDeclared } from '../support/source-patches.ts';
import { assertDeclared, surfaceDifferences, surfaces } from '../support/surface.ts';
import { NO_TERMINAL, onTerminal } from '../support/terminal.ts';

interface Report {
  readonly status: string;
  readonly python?: { readonly linkage: string; readonly version: string };
  readonly bundle?: { readonly file: string };
  readonly stages: readonly { readonly name: string; readonly outcome: string }[];
  readonly totals: { readonly samples: number; readonly passed: number; readonly skipped: number };
  readonly notices: readonly { readonly code: string; readonly message: string }[];
}

const MODULES = [
  'ssl',
  'sqlite3',
  'zlib',
  'lzma',
  'bz2',
  'ctypes',
  'uuid',
  'hashlib',
  'curses',
  'curses.panel',
  'readline',
];

let folder = '';
let first: CliRun;

before(async () => {
  folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision musl ü ');
  first = await provision(['musl'], { cwd: folder, store: SHARED_STORE, timeoutMs: 40 * 60_000 });
});

function report(): Report {
  return JSON.parse(readFileSync(join(folder, 'artifacts', 'musl', 'report.json'), 'utf8')) as Report;
}

test('every sample equals the reference or is skipped, without declared differences', () => {
  assert.equal(first.status, 0, first.stdout + first.stderr);
  const { status, totals, python } = report();
  assert.equal(status, 'passed');
  assert.equal(totals.passed + totals.skipped, totals.samples);
  assert.equal(python?.linkage, 'static');
});

test('the report lists the modules that the build lacks with the reasons', () => {
  const missing = report().notices.filter(({ code }) => code === 'sysroot/module-missing');
  assert.equal(missing.length, 1);
  // `a, b (reason); c (reason)`: names by reason.
  const listed = (missing[0]?.message.split('standard library: ')[1] ?? '').split('; ');
  const names = listed.flatMap((part) => part.split(' (')[0]?.split(', ') ?? []);
  assert.ok(
    listed.some((part) => /(^|, )_tkinter\b.* \(Needs Tcl/.test(part)),
    listed.join('\n'),
  );
  for (const name of [...MODULES, '_curses', '_curses_panel'])
    assert.ok(!names.includes(name) && !names.includes(`_${name}`), name);
});

test('every patch of the source packages is applied, or left out with a reason', () => {
  assertPatchesDeclared('sysroots/static-musl/cpython-3.13/x86_64-musl.lock', 'cpython-3.13', SHARED_STORE);
});

test('what it offers is what the packaged interpreter offers, but for what is declared with a reason', async (t) => {
  const artifacts = join(folder, 'surface');
  const run = (...args: readonly string[]) =>
    provision(['musl', '--artifacts', artifacts, ...args], { cwd: folder, store: SHARED_STORE });
  const { reference, target } = await surfaces(temporaryFolder(t), artifacts, run);
  assertDeclared(surfaceDifferences(reference, target), 'cpython-3.13', [
    'musl',
    'x86_64-musl',
    'static-musl',
  ]);
  // Some of what a build that runs no program of the target guesses for the worst.
  assert.equal(target['answer:Semaphore.get_value'], '3');
  assert.equal(target['answer:Queue.qsize'], '1');
  assert.equal(target['answer:time.tzset'], "(('CET', 'CEST'), 1)");
  assert.equal(target["sqlite3:answer:select x'6162' like 'ab'"], '[(0,)]');
  assert.equal(target['ssl:default:ciphers']?.split(' ').length, 60);
});

test('the report tells in what it differs from the packaged interpreter, with the reasons', () => {
  const told = report().notices.filter(({ code }) => code === 'sysroot/differences');
  assert.equal(told.length, 1);
  assert.match(
    told[0]?.message ?? '',
    /no extensions of SQLite \(A static program loads no code at run time\)/,
  );
  assert.doesNotMatch(told[0]?.message ?? '', /WASI/);
});

test('the bundle runs in a root filesystem that contains nothing else', () => {
  const root = temporaryFolder({ after: (done) => process.once('exit', done) });
  const archive = join(folder, 'artifacts', 'musl', 'isolate-x86_64-unknown-linux-musl.tar.gz');
  assert.equal(spawnSync('tar', ['-xzf', archive, '-C', root]).status, 0);
  const script = `import ${MODULES.join(', ')}\nprint(zlib.decompress(zlib.compress(b'alone')).decode())\n`;
  writeFileSync(join(root, 'script.py'), script);
  const program = '/isolate-x86_64-unknown-linux-musl/bin/isolate';
  const run = spawnSync('unshare', ['--map-root-user', '--user', `--root=${root}`, program, '/script.py'], {
    encoding: 'utf8',
  });
  assert.equal(run.stderr, '');
  assert.equal(run.stdout, 'alone\n');
});

/** Unpacks the bundle as a root with these scripts and nothing else; the words that start its program there. */
function onlyRoot(scripts: Readonly<Record<string, string>>): readonly string[] {
  const root = temporaryFolder({ after: (done) => process.once('exit', done) });
  const archive = join(folder, 'artifacts', 'musl', 'isolate-x86_64-unknown-linux-musl.tar.gz');
  assert.equal(spawnSync('tar', ['-xzf', archive, '-C', root, '--strip-components=1']).status, 0);
  for (const [name, text] of Object.entries(scripts)) writeFileSync(join(root, name), text);
  return ['unshare', '--map-root-user', '--user', `--root=${root}`, '/bin/isolate'];
}

test('common terminals are known in a root that describes none, and others are not', () => {
  const script = `import curses, sys
curses.setupterm(sys.argv[1], 1)
print(curses.tigetnum('colors'), curses.tigetnum('pairs'), curses.tparm(curses.tigetstr('cup') or b'none', 4, 17))
`;
  const [command = '', ...words] = onlyRoot({ 'known.py': script });
  const ask = (terminal: string): string => {
    const run = spawnSync(command, [...words, '/known.py', terminal], { encoding: 'utf8' });
    return run.stdout.trim() || (run.stderr.trim().split('\n').at(-1) ?? '');
  };
  const colors = {
    ...{ ansi: 8, linux: 8, xterm: 8, screen: 8, tmux: 8, rxvt: 8, cygwin: 8, 'xterm-color': 8 },
    ...{ 'xterm-256color': 256, 'screen-256color': 256, 'tmux-256color': 256, alacritty: 256, foot: 256 },
    ...{ vt100: -1, vt102: -1, vt220: -1 },
  };
  for (const [terminal, count] of Object.entries(colors))
    assert.match(ask(terminal), new RegExp(`^${count} -?\\d+ b'\\\\x1b\\[5;18H`), terminal);
  // More than a signed number of 16 bits holds.
  assert.match(ask('xterm-256color'), /^256 65536 /);
  assert.equal(ask('dumb'), "-1 -1 b'none'");
  assert.equal(ask('far-terminal'), '_curses.error: setupterm: could not find terminfo database');
});

test('windows, edited lines and the prompt work on a terminal there', { skip: NO_TERMINAL }, async () => {
  const window = `import curses, curses.panel
def main(screen):
    screen.addstr(0, 0, 'under the panel')
    panel = curses.panel.new_panel(curses.newwin(3, 20, 2, 4))
    panel.window().box()
    panel.window().addstr(1, 1, 'caf\u00e9 on the panel')
    curses.panel.update_panels()
    curses.doupdate()
    return screen.getkey(), curses.COLORS, screen.getmaxyx()
print(curses.wrapper(main))
`;
  const lines = `import readline
readline.set_completer(lambda text, state: ['balance sheet'][state:] and 'balance sheet' if text == 'bal' else None)
readline.parse_and_bind('bind ^I rl_complete')
print('got', [input('first> '), input('second> ')], readline.backend)
`;
  const words = onlyRoot({ 'window.py': window, 'lines.py': lines });
  const start = (...more: readonly string[]) =>
    onTerminal(`TERM=xterm-256color exec ${[...words, ...more].map(shellWord).join(' ')}`);
  const drawn = start('/window.py');
  await drawn.shows('under the panel');
  await drawn.shows('caf\u00e9 on the panel');
  drawn.type('\x1bOA');
  assert.match(await drawn.ended, /\('KEY_UP', 256, \(33, 77\)\)\n$/);
  const edited = start('/lines.py');
  await edited.shows('first> ');
  edited.type('bal\tx\r');
  await edited.shows('second> ');
  // The line before, changed at its beginning.
  edited.type('\x1b[A\x01my \r');
  assert.match(await edited.ended, /got \['balance sheetx', 'my balance sheetx'\] editline\n$/);
  const prompt = start();
  await prompt.shows('>>> ');
  prompt.type('import sys; 6 * 7\r');
  await prompt.shows('42');
  prompt.type("'_pyrepl.unix_console' in sys.modules\r");
  await prompt.shows('True');
  prompt.type('\x04');
  await prompt.ended;
});

test('the bundle runs as the root of the file system', () => {
  const root = temporaryFolder({ after: (done) => process.once('exit', done) });
  const archive = join(folder, 'artifacts', 'musl', 'isolate-x86_64-unknown-linux-musl.tar.gz');
  assert.equal(spawnSync('tar', ['-xzf', archive, '-C', root, '--strip-components=1']).status, 0);
  writeFileSync(join(root, 'script.py'), 'import json, sys\nprint(json.__file__, sys.prefix)\n');
  const command = ['--map-root-user', '--user', `--root=${root}`, '/bin/isolate', '/script.py'];
  const run = spawnSync('unshare', command, { encoding: 'utf8' });
  assert.equal(run.stderr, '');
  assert.equal(run.stdout, '/lib/python3.13/json/__init__.py /\n');
});

test('a start imports `site` only where it would have an effect', () => {
  const root = temporaryFolder({ after: (done) => process.once('exit', done) });
  const archive = join(folder, 'artifacts', 'musl', 'isolate-x86_64-unknown-linux-musl.tar.gz');
  assert.equal(spawnSync('tar', ['-xzf', archive, '-C', root, '--strip-components=1']).status, 0);
  const home = join(root, 'home of someone');
  mkdirSync(home);
  const script = join(root, 'script.py');
  const early = `early = 'site' in sys.modules or 'os' in sys.modules\n`;
  writeFileSync(
    script,
    `import sys\n${early}print(early, sys.flags.no_site, 'exit' in dir(__builtins__), sys.path[4:])\n`,
  );
  const start = (env: Readonly<Record<string, string>> = {}, ...options: string[]) => {
    const run = spawnSync(join(root, 'bin', 'isolate'), [...options, script], {
      encoding: 'utf8',
      env: { HOME: home, ...env },
    });
    assert.equal(run.stderr, '');
    return run.stdout.trim();
  };
  const without = 'False 0 True []';
  assert.equal(start(), without);
  assert.equal(start({ PYTHONHASHSEED: '0' }), without);
  assert.equal(start({}, '-S'), 'False 1 False []');
  // Each of these affects `site`.
  assert.equal(start({}, '-X', 'utf8'), 'True 0 True []');
  assert.equal(start({ HOME: 'relative' }), 'True 0 True []');
  const elsewhere = join(root, 'elsewhere');
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, 'sitecustomize.py'), 'import builtins, sys\nprint("customized")\n');
  assert.match(start({ PYTHONPATH: elsewhere }), /^customized\nTrue 0 True/);
  const library = join(root, 'lib', 'python3.13');
  writeFileSync(join(library, 'usercustomize.py'), 'print("by the user")\n');
  assert.equal(start(), 'by the user\nTrue 0 True []');
  rmSync(join(library, 'usercustomize.py'));
  rmSync(join(library, '__pycache__', 'usercustomize.cpython-313.pyc'), { force: true });
  const packages = join(library, 'site-packages');
  mkdirSync(packages);
  writeFileSync(join(packages, 'more.pth'), `${elsewhere}\n`);
  assert.equal(start(), `customized\nTrue 0 True ['${packages}', '${elsewhere}']`);
  rmSync(packages, { recursive: true });
  const user = join(home, '.local', 'lib', 'python3.13', 'site-packages');
  mkdirSync(user, { recursive: true });
  assert.equal(start(), `True 0 True ['${user}']`);
  assert.equal(start({ PYTHONNOUSERSITE: '1' }), 'True 0 True []');
  rmSync(user, { recursive: true });
  writeFileSync(join(root, 'pyvenv.cfg'), 'include-system-site-packages = false\n');
  assert.match(start(), /^True 0 True/);
  rmSync(join(root, 'pyvenv.cfg'));
  assert.equal(start(), without);
});

test("the program's precomputed paths equal those of Python's own search, however it is called", () => {
  const root = realpathSync(temporaryFolder({ after: (done) => process.once('exit', done) }));
  const archive = join(folder, 'artifacts', 'musl', 'isolate-x86_64-unknown-linux-musl.tar.gz');
  assert.equal(spawnSync('tar', ['-xzf', archive, '-C', root, '--strip-components=1']).status, 0);
  const script = join(root, 'script.py');
  const names = ['executable', '_base_executable', '_stdlib_dir', 'platlibdir', 'path', 'argv'];
  const prefixes = ['prefix', 'exec_prefix', 'base_prefix', 'base_exec_prefix'];
  const expressions = [...names, ...prefixes].map((name) => `sys.${name}`).join(', ');
  writeFileSync(script, `import sys\nprint(${expressions}, sep='\\n')\n`);
  const away = join(root, 'away');
  mkdirSync(away);
  symlinkSync('../bin/isolate', join(away, 'linked'));
  symlinkSync('bin', join(root, 'tools'));
  const program = join(root, 'bin', 'isolate');
  type Call = readonly [command: string, options?: Parameters<typeof spawnSync>[2]];
  const calls: Readonly<Record<string, Call>> = {
    'by its path': [program],
    'by a path with a detour': [`${join(root, 'bin')}/../bin//isolate`],
    'by a relative path': ['bin/isolate', { cwd: root }],
    'by a link elsewhere': [join(away, 'linked')],
    'by a linked folder': [join(root, 'tools', 'isolate')],
    'along PATH': ['isolate', { env: { PATH: `/none:${join(root, 'bin')}`, HOME: away } }],
    'along a relative PATH': ['isolate', { cwd: root, env: { PATH: 'bin', HOME: away } }],
    'by a made-up name': [program, { argv0: 'somebody' }],
    'by no name': [program, { argv0: '' }],
  };
  const start = ([command, options]: Call, ...words: string[]): string => {
    const run = spawnSync(command, [...words, script], { env: { HOME: away }, ...options, encoding: 'utf8' });
    assert.equal(run.status, 0, String(run.stderr));
    return String(run.stdout);
  };
  const alike = (): void => {
    for (const [way, call] of Object.entries(calls)) {
      // With an option Python's own search is used.
      assert.equal(start(call), start(call, '-B'), way);
    }
  };
  alike();
  assert.match(start([program]), new RegExp(`^${program}\\n${program}\\n${root}/lib/python3\\.13\\nlib\\n`));
  const beside: Readonly<Record<string, string>> = {
    'pyvenv.cfg': `home = ${join(root, 'bin')}\n`,
    'away/pyvenv.cfg': `home = ${join(root, 'bin')}\n`,
    'bin/isolate._pth': `${join(root, 'lib', 'python3.13')}\n`,
  };
  for (const [file, text] of Object.entries(beside)) {
    writeFileSync(join(root, file), text);
    alike();
    rmSync(join(root, file));
  }
});

test('a script may be a zip archive, or start like one', () => {
  const root = temporaryFolder({ after: (done) => process.once('exit', done) });
  const archive = join(folder, 'artifacts', 'musl', 'isolate-x86_64-unknown-linux-musl.tar.gz');
  assert.equal(spawnSync('tar', ['-xzf', archive, '-C', root, '--strip-components=1']).status, 0);
  const run = (...words: string[]): string => {
    const { stdout, stderr } = spawnSync(join(root, 'bin', 'isolate'), words, { encoding: 'utf8' });
    return stdout + stderr;
  };
  const script = (name: string, text: string | Buffer): string => {
    writeFileSync(join(root, name), text);
    return join(root, name);
  };
  const asked = `import sys\nprint('zipimport' in sys.modules, sys.path_importer_cache[sys.argv[0]])\n`;
  assert.equal(run(script('plain.py', asked)), 'False None\n');
  assert.equal(run(script('short.py', 'print(1)')), '1\n');
  assert.equal(run(script('empty.py', '')), '');
  // The end-of-archive signature without an archive.
  assert.equal(run(script('marked.py', `${asked}# PK\x05\x06 ${'and so on '.repeat(9)}\n`)), 'True None\n');
  assert.equal(run(script('long.py', `# PK\x05\x06\n${'#'.repeat(70_000)}\n${asked}`)), 'False None\n');
  mkdirSync(join(root, 'app'));
  script(
    'app/__main__.py',
    'import sys\nprint(__name__, __loader__.__class__.__name__, sys.path[0] == sys.argv[0])\n',
  );
  assert.equal(run(join(root, 'app')), '__main__ SourceFileLoader True\n');
  const packed = join(root, 'app.pyz');
  assert.equal(run('-m', 'zipapp', join(root, 'app'), '-o', packed, '-p', '/usr/bin/env python3'), '');
  assert.equal(run(packed), '__main__ zipimporter True\n');
  // With an archive comment of maximum length.
  const bytes = readFileSync(packed);
  const end = bytes.lastIndexOf('PK\x05\x06');
  bytes.writeUInt16LE(65_535, end + 20);
  assert.equal(
    run(script('commented.pyz', Buffer.concat([bytes, Buffer.alloc(65_535, 0x2e)]))),
    '__main__ zipimporter True\n',
  );
  assert.match(run(join(root, 'none.py')), /can't open file/);
});

test('the program has no program interpreter and needs no library', () => {
  const root = temporaryFolder({ after: (done) => process.once('exit', done) });
  const archive = join(folder, 'artifacts', 'musl', 'isolate-x86_64-unknown-linux-musl.tar.gz');
  spawnSync('tar', ['-xzf', archive, '-C', root]);
  const program = readFileSync(join(root, 'isolate-x86_64-unknown-linux-musl', 'bin', 'isolate'));
  const types = programHeaderTypes(program);
  assert.ok(!types.includes(PT_INTERP), 'it names a program interpreter');
  assert.equal(program.readUInt16LE(16), ET_DYN, 'it can be loaded at any address');
});

test('a second run takes everything from the store, with CPython and the Rust standard library', async () => {
  const again = await provision(['musl'], { cwd: folder, store: SHARED_STORE });
  assert.equal(again.status, 0, again.stderr);
  for (const name of ['libraries', 'cpython', 'rust-std', 'build']) {
    assert.equal(report().stages.find((stage) => stage.name === name)?.outcome, 'hit', name);
  }
});

test('bench python measures loop and start against the reference, each with its bound', async () => {
  const args = ['bench', 'python', 'musl', '--rounds', '1', '--warm-up', '0', '--json'];
  const run = await provision(args, { cwd: folder, store: SHARED_STORE });
  assert.equal(run.status, 0, run.stderr);
  const [bench] = JSON.parse(run.stdout) as readonly {
    readonly measured: readonly {
      readonly probe: string;
      readonly bound: number;
      readonly python: { readonly runs: readonly number[] };
      readonly isolate: { readonly runs: readonly number[] };
    }[];
  }[];
  assert.deepEqual(
    bench?.measured.map(({ probe, bound, python, isolate }) => [
      probe,
      bound,
      python.runs.length,
      isolate.runs.length,
    ]),
    [
      ['loop', 1.1, 1, 1],
      ['start', 0.75, 5, 5],
    ],
  );
});

test("PyO3 gets the link line of CPython's build", async () => {
  const run = await provision(['env', 'musl'], { cwd: folder, store: SHARED_STORE });
  assert.equal(run.status, 0, run.stderr);
  for (const name of ['python3.13', 'ssl', 'crypto', 'sqlite3', 'ffi', 'lzma', 'bz2', 'z', 'uuid']) {
    assert.match(
      run.stdout,
      new RegExp(`cargo:rustc-link-lib=static:-bundle=${name.replace('.', '\\.')}\\n`),
    );
  }
});

const PT_INTERP = 3;
const ET_DYN = 3;

/** `p_type` of every program header of a 64-bit little-endian ELF file (elf(5)). */
function programHeaderTypes(file: Buffer): readonly number[] {
  const offset = Number(file.readBigUInt64LE(32));
  const size = file.readUInt16LE(54);
  const count = file.readUInt16LE(56);
  return Array.from({ length: count }, (_, index) => file.readUInt32LE(offset + index * size));
}

test('virtual environments are made and used as with python3: links, copies, links to copies, one from another', () => {
  const base = temporaryFolder({ after: (done) => process.once('exit', done) });
  const root = join(base, 'the bundle');
  mkdirSync(root);
  const archive = join(folder, 'artifacts', 'musl', 'isolate-x86_64-unknown-linux-musl.tar.gz');
  assert.equal(spawnSync('tar', ['-xzf', archive, '-C', root, '--strip-components=1']).status, 0);
  const program = join(root, 'bin', 'isolate');
  const run = (file: string, ...words: string[]): string => {
    const { stdout, stderr, status } = spawnSync(file, words, { cwd: base, encoding: 'utf8' });
    return status === 0 ? stdout : `${status}: ${stdout}${stderr}`;
  };
  const make = (from: string, name: string, ...options: string[]): string => {
    assert.equal(run(from, '-m', 'venv', '--without-pip', ...options, join(base, name)), '');
    return join(base, name, 'bin', 'python');
  };
  const told = (python: string): string =>
    run(python, '-c', 'import sys, linecache; print(sys.prefix, sys.base_prefix, sys._base_executable)');
  const links = make(program, 'links');
  assert.equal(told(links), `${join(base, 'links')} ${root} ${program}\n`);
  const copies = make(program, 'copies', '--copies');
  assert.equal(told(copies), `${join(base, 'copies')} ${root} ${program}\n`);
  // python3 makes an environment of an environment's base.
  for (const [name, from, ...options] of [
    ['links of links', links],
    ['links of copies', copies],
    ['copies of copies', copies, '--copies'],
    ['copies of links', links, '--copies'],
  ] as const)
    assert.equal(told(make(from, name, ...options)), `${join(base, name)} ${root} ${program}\n`, name);
  // A link outside of the environment is the base interpreter.
  mkdirSync(join(base, 'elsewhere'));
  for (const [name, to] of [
    ['elsewhere/one', copies],
    ['elsewhere/two', join(base, 'elsewhere', 'one')],
  ] as const) {
    symlinkSync(to, join(base, name));
    assert.match(told(join(base, name)), new RegExp(`^${root} ${root} `), name);
  }
  symlinkSync(copies, join(base, 'copies', 'bin', 'again'));
  assert.match(told(join(base, 'copies', 'bin', 'again')), new RegExp(`^${join(base, 'copies')} ${root} `));
  assert.equal(
    run(links, '-c', 'import site; print(site.getsitepackages())'),
    `['${join(base, 'links')}/lib/python3.13/site-packages']\n`,
  );
  assert.match(run(program, '-m', 'ensurepip'), /^1: .*No module named ensurepip\n$/);
  const without = run(program, '-m', 'venv', join(base, "it's one"));
  assert.match(without, /^1: error: pip cannot be put into .*it's one: there is no ensurepip\./);
  // The cure as it is printed.
  const [, cure = ''] = /^ {2}fix: (.*)$/m.exec(without) ?? [];
  assert.equal(run('/bin/sh', '-c', cure), '');
  assert.match(told(join(base, "it's one", 'bin', 'python')), /it's one/);
  mkdirSync(join(base, 'app'));
  writeFileSync(join(base, 'app', '__main__.py'), 'import sys\nprint("zipped", sys.argv[1:])\n');
  assert.equal(run(program, '-m', 'zipapp', 'app', '-p', links), '');
  assert.equal(run(program, 'app.pyz', 'x'), "zipped ['x']\n");
  assert.equal(run(join(base, 'app.pyz')), 'zipped []\n');
});
