import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingPrograms } from '../../src/build/missing-programs.ts';
import { temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

const BUILD = `use std::process::Command;

fn main() {
    let made = Command::new("sh").arg("-c").arg("true").status().unwrap();
    assert!(made.success());
    let mut command = Command::new("xxd");
    command
        .arg("-i");
    command.status().unwrap();
}
`;

function stopped(of: string, at: string, says: string): string {
  return `error: failed to run custom build command for \`${of}\`

Caused by:
  process didn't exit successfully: \`/job/target/release/build/x/build-script-build\` (exit status: 101)
  --- stderr

  thread 'main' panicked at ${at}:
  ${says}
  note: run with \`RUST_BACKTRACE=1\` environment variable to display a backtrace
`;
}

const UNWRAP =
  'called `Result::unwrap()` on an `Err` value: Os { code: 2, kind: NotFound, message: "No such file or directory" }';

test('a program that a build script lacks is named by the source, where Rust says that something is not found', async (t) => {
  const view = temporaryFolder(t);
  const toolchain = temporaryFolder(t);
  put(view, { 'build.rs': BUILD, 'part/build.rs': BUILD });
  put(toolchain, { 'usr/bin/sh': '' });
  const find = (output: string) => missingPrograms(output, { view, toolchain });
  const said = (file: string) => [`${file}:9 starts \`xxd\`: command \`xxd\` not found`];
  const whole = 'app v0.1.0 (/job/project)';
  assert.deepEqual(await find(stopped(whole, 'build.rs:9:22', UNWRAP)), said('build.rs'));
  // Relative to the workspace, as the compiler has it, or to the package.
  const part = 'part v0.1.0 (/job/project/part)';
  assert.deepEqual(await find(stopped(part, 'part/build.rs:9:22', UNWRAP)), said('part/build.rs'));
  const expected = UNWRAP.replace(/^.*: Os/, 'failed to execute process: Os');
  assert.deepEqual(await find(stopped(whole, 'build.rs:9:22', expected)), said('build.rs'));
  assert.deepEqual(
    await find(`${stopped(whole, 'build.rs:9:22', UNWRAP)}${stopped(part, 'part/build.rs:9:22', UNWRAP)}`),
    [...said('build.rs'), ...said('part/build.rs')],
  );
  // The toolchain has it: something else was not found.
  assert.deepEqual(await find(stopped(whole, 'build.rs:4:22', UNWRAP)), []);
  assert.deepEqual(await find(stopped(whole, 'build.rs:9:22', 'no xxd here')), []);
  assert.deepEqual(await find(stopped(whole, 'none.rs:9:22', UNWRAP)), []);
  assert.deepEqual(await find(stopped('far v1.0.0', '/job/cargo/registry/far/build.rs:9:22', UNWRAP)), []);
});
