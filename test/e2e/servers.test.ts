// Commands of a recipe that are servers: a program that listens, asked in its sandbox, and each way in which that goes wrong.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import { CAPABILITIES } from '../../src/runtime/capabilities.ts';
import { provision, SHARED_STORE } from '../support/cli.ts';
import { crateOf } from '../support/crate.ts';

const SERVER = `use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let port = words.get(1).map_or("0", String::as_str);
    let address = format!("127.0.0.1:{port}");
    match words[0].as_str() {
        "ask" => {
            let mut link = TcpStream::connect(&address)?;
            link.write_all(b"PING")?;
            let mut answer = String::new();
            link.read_to_string(&mut answer)?;
            println!("{answer}");
            return Ok(());
        }
        "dies" => {
            eprintln!("no configuration");
            std::process::exit(7)
        }
        "twice" => {
            let _first = TcpListener::bind("127.0.0.1:9999")?;
            TcpListener::bind("127.0.0.1:9999").expect("a port of its own");
        }
        "waits" => std::thread::sleep(Duration::from_secs(60)),
        _ => {}
    }
    let listener = TcpListener::bind(&address)?;
    println!("listening on {}", listener.local_addr()?);
    for link in listener.incoming() {
        let mut link = link?;
        let mut request = [0; 1024];
        let size = link.read(&mut request)?;
        if words[0] == "mute" {
            std::thread::sleep(Duration::from_secs(60));
        }
        if request[..size].starts_with(b"GET /hello ") {
            link.write_all(b"HTTP/1.0 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n")?;
        } else if request[..size].starts_with(b"PING") {
            link.write_all(b"PONG")?;
        } else {
            link.write_all(b"HTTP/1.0 404 Not Found\\r\\nContent-Length: 0\\r\\n\\r\\n")?;
        }
        if words[0] == "once" {
            std::process::exit(3);
        }
    }
    Ok(())
}
`;

const RECIPE = `schema: 1
extends: x86_64
python: {from: packages}
tests:
  commands:
    - name: http
      args: [serve, "8080"]
      server:
        port: 8080
        ask:
          - {http: /hello, status: 200, expect: "hello\\n"}
          - {http: /other, method: POST, body: "x", status: 404}
    - name: tcp
      args: [serve, "8080"]
      server: {port: 8080, ask: [{tcp: PING, expect: PONG}]}
    - name: client
      args: [serve]
      server: {ready: "listening on 127.0.0.1:{port}", ask: [{args: [ask, "{port}"], expect: "PONG\\n"}]}
    - name: once
      args: [once, "8080"]
      status: 3
      server: {port: 8080, ask: [{tcp: PING, expect: PONG}]}
    - name: listens
      args: [serve, "8080"]
      server: {port: 8080}
`;

const FAILING = `    - name: differs
      args: [serve, "8080"]
      server: {port: 8080, ask: [{http: /hello, status: 201, expect: "hullo\\n"}]}
    - name: dies
      args: [dies]
      server: {port: 8080}
    - name: twice
      args: [twice, "8080"]
      server: {port: 8080}
    - name: silent
      args: [waits]
      server: {port: 8080, start: 1}
    - name: mute
      args: [mute, "8080"]
      timeout: 1
      server: {port: 8080, ask: [{http: /hello}]}
`;

const REASONS: Readonly<Record<string, RegExp>> = {
  differs: /^GET \/hello: status 200, expected was 201; the answer differs from line 1 on$/,
  dies: /^the server ended before it listened on port 8080: exit status 7$/,
  twice: /^the server ended before it listened on port 8080: exit status 101$/,
  silent: /^the server runs, and has not listened on port 8080 within 1 s \(`start`\)$/,
  mute: /^GET \/hello: no answer came within 1(\.\d)? s$/,
};

test('servers are started, asked and ended; what goes wrong is told with what the server said', async (t) => {
  const crate = crateOf(t, {
    'Cargo.toml': '[package]\nname = "serves"\nversion = "0.1.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "serves"\nversion = "0.1.0"\n',
    'src/main.rs': SERVER,
    'provision.yaml': RECIPE,
  });
  const report = () =>
    JSON.parse(readFileSync(join(crate, 'artifacts/x86_64/report.json'), 'utf8')) as Report;
  const passing = await provision(['run'], { cwd: crate, store: SHARED_STORE });
  assert.equal(passing.status, 0, passing.stdout + passing.stderr);
  assert.deepEqual(
    report().samples.map(({ name, status }) => [name, status]),
    ['http', 'tcp', 'client', 'once', 'listens'].map((name) => [`command/${name}`, 'passed']),
  );
  writeFileSync(join(crate, 'provision.yaml'), RECIPE + FAILING);
  const failing = await provision(['run'], { cwd: crate, store: SHARED_STORE });
  assert.equal(failing.status, 7, failing.stdout + failing.stderr);
  const { samples, totals } = report();
  assert.deepEqual([totals.passed, totals.failed], [5, 5]);
  for (const [name, reason] of Object.entries(REASONS))
    assert.match(samples.find((one) => one.name === `command/${name}`)?.reason ?? '', reason);
  const diff = (name: string) => samples.find((one) => one.name === `command/${name}`)?.diff ?? '';
  assert.match(diff('differs'), /--- expected answer to GET \/hello\n[\s\S]*-hullo\n\+hello/);
  assert.match(diff('dies'), /no configuration/);
  assert.match(diff('twice'), /Address already in use|AddrInUse/);
  // What passed is not run again; what was silent would be.
  assert.ok(totals.cached >= 5, JSON.stringify(totals));
});

test('on WASI a server is not started, and the reason is told', async (t) => {
  const crate = crateOf(t, {
    'Cargo.toml': '[package]\nname = "serves"\nversion = "0.1.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "serves"\nversion = "0.1.0"\n',
    'src/main.rs': 'fn main() {\n    println!("{}", std::env::args().count());\n}\n',
    'provision.yaml': `schema: 1
extends: wasm32-wasip1
tests:
  commands:
    - {name: counts, args: [one], stdout: "2\\n"}
    - {name: serves, server: {port: 8080}}
`,
  });
  const run = await provision(['run'], { cwd: crate, store: SHARED_STORE });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const why = CAPABILITIES.wasmtime.impossible.servers as string;
  assert.ok((run.stdout + run.stderr).includes(why), run.stdout + run.stderr);
  const { samples } = JSON.parse(
    readFileSync(join(crate, 'artifacts/wasm32-wasip1/report.json'), 'utf8'),
  ) as Report;
  const [counts, serves] = ['counts', 'serves'].map((name) =>
    samples.find((one) => one.name === `command/${name}`),
  );
  assert.equal(counts?.status, 'passed');
  assert.equal(serves?.status, 'skipped');
  assert.ok(serves?.reason?.includes(why), serves?.reason);
});
