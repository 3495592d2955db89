// What `init --yes` takes programs for, by what their source does. That the first run then passes: test/e2e/shapes.test.ts.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { shapeOf } from '../../src/init/shape.ts';
import { provision } from '../support/cli.ts';
import { crateOf } from '../support/crate.ts';
import { SHAPES, shapesWorkspace } from '../support/shapes.ts';

test('init --yes writes tests that fit the program, for each shape of one', async (t) => {
  const workspace = crateOf(t, shapesWorkspace(Object.keys(SHAPES)));
  for (const [name, { recipe }] of Object.entries(SHAPES)) {
    const cwd = join(workspace, name);
    const run = await provision(['init', 'x86_64', '--yes', '--no-workflow'], { cwd });
    assert.equal(run.status, 0, name + run.stderr);
    const written = parse(readFileSync(join(cwd, 'provision.yaml'), 'utf8')) as object;
    assert.deepEqual(written, { schema: 1, extends: 'x86_64', ...recipe }, name);
    assert.equal(existsSync(join(cwd, 'samples')), 'samples' in recipe, name);
    const plan = await provision(['plan'], { cwd });
    assert.equal(plan.status, 0, name + plan.stderr);
  }
});

test('parsers of command lines answer --help; with a positional script and no subcommands it is run', () => {
  const clap = (fields: string): string => `use clap::Parser;
#[derive(Parser)]
struct Args {
${fields}
}
fn main() {
    let args = Args::parse();
    let code = std::fs::read_to_string(&args.script).unwrap();
    Python::attach(|py| py.run(&CString::new(code).unwrap(), None, None)).unwrap();
}
`;
  assert.deepEqual(shapeOf(clap('    script: PathBuf,')).script, ['{script}', '{args}']);
  assert.equal(shapeOf(clap('    #[arg(long)]\n    script: PathBuf,')).script, undefined);
  assert.deepEqual(
    shapeOf(clap('    #[command(subcommand)]\n    what: What,\n}\n#[derive(clap::Subcommand)]\nenum What {'))
      .command?.args,
    ['--help'],
  );
  for (const source of [
    '#[derive(argh::FromArgs)] struct A {}',
    'fn main() { let m = clap::Command::new("x"); }',
  ])
    assert.deepEqual(shapeOf(source).command?.args, ['--help'], source);
  assert.deepEqual(
    shapeOf('let mut p = pico_args::Arguments::from_env(); if p.contains(["-h", "--help"]) {}').command?.args,
    ['--help'],
  );
});

test("CPython's own command line runs scripts; a server whose port is not known has no run that ends", () => {
  const main = 'fn main() { let args: Vec<_> = std::env::args().collect(); unsafe { Py_BytesMain(0, p) }; }';
  assert.deepEqual(shapeOf(main).script, ['{script}', '{args}']);
  assert.deepEqual(shapeOf('let l = TcpListener::bind(a); axum::serve(l, app).await'), { title: 'a server' });
  assert.equal(
    shapeOf('fn main() { let n = std::env::args().nth(1).expect("a name"); }').command?.status,
    101,
  );
});

test('a script behind an option is given so; a program that only a signal ends has no run that ends', () => {
  const runner =
    'let a: Vec<String> = std::env::args().collect(); if a[1] != "--script" { exit(64) } py.run(&read_to_string(&a[2])?, None, None)';
  assert.deepEqual(shapeOf(runner).script, ['--script', '{script}', '{args}']);
  const worker = 'fn main() { loop { tick(); sleep(SECOND); } }';
  assert.deepEqual(shapeOf(worker), { title: 'runs until it is ended' });
  assert.deepEqual(shapeOf(worker.replace('tick();', 'if tick() { break; }')).command?.args, []);
});

test('servers are asked on the port in their source', () => {
  const cases: readonly (readonly [string, object | undefined])[] = [
    ['TcpListener::bind("127.0.0.1:8080")?', { port: 8080 }],
    ['TcpListener::bind(("0.0.0.0", 7000u16))?', { port: 7000 }],
    ['axum::serve(TcpListener::bind("0.0.0.0:3000").await?, app)', { port: 3000, http: '/' }],
    [
      'axum::serve(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 3001))).await?, app)',
      { port: 3001, http: '/' },
    ],
    ['HttpServer::new(app).bind((Ipv4Addr::LOCALHOST, 9000))?.run()', { port: 9000, http: '/' }],
    ['HttpServer::new(app).bind(("127.0.0.1", 9001))?.run()', { port: 9001, http: '/' }],
    ['tiny_http::Server::http("localhost:8000")', { port: 8000, http: '/' }],
    ['#[launch] fn rocket() -> _ { rocket::build() }', { port: 8000, http: '/' }],
    [
      'let l = TcpListener::bind("127.0.0.1:0")?; println!("listening on {}", l.local_addr()?);',
      { ready: 'listening on 127.0.0.1:{port}' },
    ],
    ['let l = TcpListener::bind("127.0.0.1:0")?; println!("{}", l.local_addr()?);', undefined],
    ['TcpListener::bind(std::env::var("ADDRESS")?)', undefined],
    ['UnixListener::bind("/tmp/socket")', undefined],
    ['const PORT: u16 = 3000; TcpListener::bind(("127.0.0.1", PORT))?', { port: 3000 }],
    ['static PORT: &\'static str = "3002"; TcpListener::bind(format!("[::]:{PORT}"))?', { port: 3002 }],
    [
      'let port = env::var("PORT").unwrap_or_else(|_| "9000".to_string()); TcpListener::bind(format!("[::]:{port}"))',
      { port: 9000 },
    ],
    [
      'let port: u16 = std::env::var("APP_PORT").ok().and_then(|p| p.parse().ok()).unwrap_or(9002); TcpListener::bind(("::", port))',
      { port: 9002 },
    ],
  ];
  for (const [source, server] of cases) assert.deepEqual(shapeOf(source).command?.server, server, source);
  const demanding = 'let a = std::env::args().nth(1).unwrap(); TcpListener::bind("127.0.0.1:80")';
  assert.deepEqual(shapeOf(demanding).command?.status, 101);
});

test('a status is expected where its source tells one, and nothing where one of several may come', () => {
  const status = (main: string) => {
    const { command } = shapeOf(`const BAD: u8 = 3;\nfn main() -> ExitCode {\n${main}\n}\n`);
    return command === undefined ? 'unknown' : (command.status ?? 0);
  };
  assert.deepEqual(
    [
      'println!("{");',
      'std::process::exit(3)',
      'if bad { exit(1); }\nlet open = "{\\"";\nexit(3);',
      'ExitCode::from(BAD)',
      'ExitCode::FAILURE',
      'if ok { std::process::exit(0); }\nstd::process::exit(3)',
      'std::process::exit(run())',
      'py.run(c"import sys; sys.exit(3)", None, None)',
      'py.run(c"import sys; sys.exit(0)", None, None)',
      'if bad { return ExitCode::FAILURE; }\nExitCode::SUCCESS',
    ].map(status),
    [0, 3, 3, 3, 1, 'unknown', 0, 'unknown', 0, 0],
  );
});
