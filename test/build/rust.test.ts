import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findHostRust } from '../../src/build/host-rust.ts';
import { rustTooOld } from '../../src/build/rust-version.ts';
import type { Resolved } from '../../src/domain/definitions.ts';
import type { LockedPackage } from '../../src/domain/packages.ts';
import { temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';

const HOST = 'x86_64-unknown-linux-gnu';
const FAR = 'aarch64-unknown-linux-gnu';

function resolved(root: string, over: Readonly<Record<string, unknown>> = {}): Resolved {
  return {
    target: { rustTriple: FAR, libc: 'gnu', recipe: 'aarch64' },
    sysroot: { python: { implementation: 'CPython' } },
    hostTarget: { rustTriple: HOST },
    rustStd: { from: 'packages' },
    toolchain: { name: 'llvm' },
    recipe: { file: '/home/me/crate/provision.yaml', project: { root } },
    crate: { name: 'mine', rustVersion: '1.90' },
    ...over,
  } as unknown as Resolved;
}

/** A toolchain in rustup's layout, with a `rustc` that prints its version and sysroot. */
function toolchain(t: TestContext, triples: readonly string[]) {
  const folder = temporaryFolder(t, 'provision rust ü ');
  const home = join(folder, 'toolchains', 'stable-mine');
  mkdirSync(join(home, 'bin'), { recursive: true });
  for (const triple of triples) mkdirSync(join(home, 'lib/rustlib', triple, 'lib'), { recursive: true });
  const rustc = join(home, 'bin', 'rustc');
  writeFileSync(
    rustc,
    `#!/bin/sh
case $1 in
--print) echo '${home}' ;;
-vV) printf 'rustc 1.95.0 (abc 2026-04-14)\\nhost: ${HOST}\\nrelease: 1.95.0\\nin: %s %s\\n' "$PWD" "$RUSTUP_HOME" ;;
esac
`,
  );
  writeFileSync(join(home, 'bin', 'cargo'), '');
  chmodSync(rustc, 0o755);
  const context = testContext({
    path: ['/nowhere', join(home, 'bin'), '/usr/bin', '/bin'],
    rustup: { RUSTUP_HOME: '/my/rustup' },
  });
  return { context, home, folder };
}

test("`rust: host` uses the toolchain that rustc reports in the project's folder", async (t) => {
  const { context, home, folder } = toolchain(t, [HOST, FAR]);
  const found = await findHostRust(context, resolved(folder));
  assert.ok(found.ok, JSON.stringify(found));
  assert.equal(found.value.folder, home);
  assert.equal(found.value.release, '1.95.0');
  assert.ok(found.value.version.endsWith(`in: ${folder} /my/rustup`), found.value.version);
});

test('a missing part of the host toolchain is a failure with the command that installs it', async (t) => {
  const { context, home, folder } = toolchain(t, [HOST]);
  const wanted = resolved(folder);
  const failure = async (place = wanted) => {
    const found = await findHostRust(context, place);
    assert.ok(!found.ok);
    return found.error;
  };
  const missing = await failure();
  assert.equal(missing.code, 'build/no-host-std');
  assert.equal(missing.fix[0], `\`rustup target add --toolchain stable-mine ${FAR}\``);
  rmSync(join(home, 'bin', 'cargo'));
  assert.equal((await failure()).code, 'build/no-host-rust');
  writeFileSync(join(home, 'bin', 'rustc'), '#!/bin/sh\necho "no toolchain is set" >&2\nexit 1\n');
  assert.deepEqual((await failure()).evidence, ['no toolchain is set']);
  rmSync(join(home, 'bin', 'rustc'));
  const none = await findHostRust({ ...context, settings: { ...context.settings, path: [home] } }, wanted);
  assert.equal(!none.ok && none.error.code, 'build/no-host-rust');
  assert.match(none.ok ? '' : none.error.fix.join(' '), /Or remove `rust: host`/);
  const musl = resolved(folder, { target: { rustTriple: 'x86_64-unknown-linux-musl', libc: 'musl' } });
  assert.equal((await failure(musl)).code, 'recipe/rust-host');
});

for (const [name, text] of [
  ['rust-toolchain.toml', '[toolchain]\npath = "/proc/self/cwd/own"\n'],
  ['rust-toolchain.toml', 'toolchain = {path = "own", channel = "stable"}\n'],
  ['rust-toolchain', '/proc/self/cwd/own\n'],
  // rustup may read it otherwise.
  ['rust-toolchain.toml', '[toolchain\n'],
  ['rust-toolchain', '/a folder/own\n'],
] as const) {
  test(`no program is started because a project's ${name} says so: ${text.trim()}`, async (t) => {
    const { context, home, folder } = toolchain(t, [HOST, FAR]);
    const started = join(folder, 'started');
    writeFileSync(join(home, 'bin', 'rustc'), `#!/bin/sh\n: >'${started}'\n`);
    const project = join(folder, 'of', 'project');
    mkdirSync(project, { recursive: true });
    writeFileSync(join(folder, 'of', name), text);
    const found = await findHostRust(context, resolved(project));
    assert.equal(!found.ok && found.error.code, 'build/no-host-rust');
    assert.equal(existsSync(started), false);
    // The user has said which one, and rustup does not look at the file.
    const settings = { ...context.settings, rustup: { RUSTUP_TOOLCHAIN: 'mine' } };
    await findHostRust({ ...context, settings }, resolved(project));
    assert.equal(existsSync(started), true);
  });
}

test('a crate that needs a newer Rust is rejected with both remedies', () => {
  const image = [{ name: 'rustc', version: '1.85.0+dfsg3-1' }] as LockedPackage[];
  const failureFor = (over: Readonly<Record<string, unknown>>) => rustTooOld(resolved('/p', over), image);
  const failure = failureFor({});
  assert.equal(failure?.code, 'build/rust-too-old');
  assert.match(failure?.what ?? '', /needs Rust 1\.90 or newer, and the toolchain image `llvm` has 1\.85\.0/);
  assert.match(failure?.fix[0] ?? '', /`rust: host` in \/home\/me\/crate\/provision\.yaml/);
  assert.match(failure?.fix[1] ?? '', /lower `rust-version`/);
  for (const fits of ['1.85', '1.85.0', '1.9', '1', undefined])
    assert.equal(failureFor({ crate: { name: 'mine', rustVersion: fits } }), undefined, fits);
  assert.ok(failureFor({ crate: { name: 'mine', rustVersion: '1.85.1' } }));
  const rust = { folder: '/r', release: '1.95.0', version: '' };
  assert.equal(failureFor({ rust }), undefined);
  assert.match(failureFor({ rust: { ...rust, release: '1.80.1' } })?.fix[0] ?? '', /rustup update/);
});

test('a crate that is an implementation of Python has CPython as its second remedy, not an older Rust', async (t) => {
  const over = { sysroot: { python: { implementation: 'RustPython' } } };
  const image = [{ name: 'rustc', version: '1.85.0+dfsg3-1' }] as LockedPackage[];
  const old = rustTooOld(resolved('/p', over), image);
  assert.equal(old?.code, 'build/rust-too-old');
  assert.match(old?.fix[0] ?? '', /`rust: host`/);
  assert.match(old?.fix[1] ?? '', /on CPython.*: `provision aarch64`\.$/);
  const { context, folder } = toolchain(t, [HOST]);
  const missing = await findHostRust(context, resolved(folder, over));
  assert.deepEqual(missing.ok ? [] : missing.error.fix, [
    `\`rustup target add --toolchain stable-mine ${FAR}\``,
    'Or run the scripts on CPython, which needs no newer Rust: `provision aarch64`.',
  ]);
});
