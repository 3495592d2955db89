import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countDocTests, docTestsOf } from '../../src/crate/doc-tests.ts';
import { crateOf } from '../support/crate.ts';

const LIB = `//! The library.
//!
//! \`\`\`
//! assert!(true);
//! \`\`\`

/// A function.
///
/// \`\`\`should_panic
/// panic!();
/// \`\`\`
///
/// \`\`\`rust,no_run
/// let text = r#"
/// \`\`\`text
/// "#;
/// \`\`\`
///
/// \`\`\`ignore
/// nothing
/// \`\`\`
///
/// \`\`\`text
/// not code
/// \`\`\`
///
/// ~~~
/// assert!(true);
/// ~~~
pub fn function() {}

/**
 * Another.
 *
 * \`\`\`edition2021
 * assert!(true);
 * \`\`\`
 */
pub fn another() {}

fn plain() -> &'static str {
    // \`\`\`
    "\`\`\`"
}
`;

test('blocks of Rust in doc comments are counted, as rustdoc runs them', () => {
  assert.equal(docTestsOf(LIB), 5);
  assert.equal(docTestsOf('fn main() {}\n'), 0);
});

test('an indented block is one, too, unless it goes on with a paragraph or a list', () => {
  const comment = (...lines: readonly string[]): string => lines.map((line) => `/// ${line}\n`).join('');
  assert.equal(docTestsOf(comment('A function.', '', '    one();', '', '    two();', 'Text.')), 1);
  assert.equal(docTestsOf(comment('    one();')), 1);
  assert.equal(docTestsOf(comment('A paragraph', '    that goes on.')), 0);
  assert.equal(docTestsOf(comment('- An item.', '', '    Its second paragraph.')), 0);
  assert.equal(
    docTestsOf(comment('1. An item', '   with a line.', '', '    More.', '', 'Text.', '', '    one();')),
    1,
  );
  assert.equal(docTestsOf(comment('```text', '', '    no', '```', '    one();')), 1);
  assert.equal(docTestsOf(`${comment('Text')}fn f() {\n    call();\n}\n`), 0);
});

test("those of a package's library count, and with the workspace those of its members", async (t) => {
  const one = '/// ```\n/// ```\npub fn one() {}\n';
  const folder = crateOf(t, {
    'Cargo.toml': '[workspace]\nmembers = ["a", "b", "c"]\n[package]\nname = "top"\nversion = "0.1.0"\n',
    'src/lib.rs': one,
    'src/deep/mod.rs': one,
    'src/main.rs': one,
    'src/bin/other.rs': one,
    'a/Cargo.toml': '[package]\nname = "a"\nversion = "0.1.0"\n[lib]\npath = "lib/a.rs"\n',
    'a/lib/a.rs': one,
    'b/Cargo.toml': '[package]\nname = "b"\nversion = "0.1.0"\n[lib]\ndoctest = false\n',
    'b/src/lib.rs': one,
    'c/Cargo.toml': '[package]\nname = "c"\nversion = "0.1.0"\n',
    'c/src/main.rs': one,
  });
  assert.equal(await countDocTests(folder, false), 2);
  assert.equal(await countDocTests(folder, true), 3);
  assert.equal(await countDocTests(`${folder}/b`, false), 0);
  assert.equal(await countDocTests(`${folder}/c`, false), 0);
});
