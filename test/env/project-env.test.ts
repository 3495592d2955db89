import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reservedVariable } from '../../src/domain/build-variables.ts';
import type { Target } from '../../src/domain/target.ts';
import { withProjectEnv } from '../../src/env/project-env.ts';
import { joinFlags } from '../../src/env/rust-flags.ts';

const TRIPLE = 'aarch64-unknown-linux-gnu';
const NAME = 'CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS';
const own = ['--sysroot=/s', '-Cx'];

test('without flags of the project those of a build stand where they always stood', () => {
  for (const config of [{}, { build: { rustflags: ' ' } }, { build: { rustflags: [] } }])
    assert.deepEqual(joinFlags({ own, triple: TRIPLE, config, env: {} }), {
      variables: { [NAME]: '--sysroot=/s -Cx' },
    });
});

test('where a condition may hold, cargo decides, and each flag of a build is there once either way', () => {
  const config = {
    build: { rustflags: ['--cfg', 'a'] },
    target: {
      'cfg(unix)': { rustflags: ['-Cu'] },
      ' cfg(all(windows, target_env = "gnu")) ': { rustflags: '-Cw' },
      'cfg(none)': { rustflags: [] },
      'cfg(linker)': { linker: 'ld' },
      'x86_64-pc-windows-gnu': { rustflags: ['-Cp'] },
    },
  };
  assert.deepEqual(joinFlags({ own, triple: TRIPLE, config, env: {} }), {
    variables: { CARGO_BUILD_RUSTFLAGS: '--sysroot=/s -Cx' },
    config: { target: { 'cfg(any(unix, all(windows, target_env = "gnu")))': { rustflags: own } } },
  });
});

test('an empty RUSTFLAGS is one: cargo then looks at no file', () => {
  const config = { build: { rustflags: ['--cfg', 'a'] } };
  assert.deepEqual(joinFlags({ own, triple: TRIPLE, config, env: { RUSTFLAGS: '' } }).variables, {
    RUSTFLAGS: '--sysroot=/s -Cx',
  });
  assert.deepEqual(
    joinFlags({ own, triple: TRIPLE, config, env: { CARGO_ENCODED_RUSTFLAGS: '' } }).variables,
    {
      CARGO_ENCODED_RUSTFLAGS: '--sysroot=/s\x1f-Cx',
    },
  );
});

test("folders of PATH and flags of the C compiler are joined; everything else replaces a build's", () => {
  const target = { rustTriple: TRIPLE } as Target;
  const build = { PATH: '/usr/bin:/bin', CFLAGS_aarch64_unknown_linux_gnu: '--target=a', HOME: '/tmp' };
  assert.deepEqual(withProjectEnv(build, {}, target), build);
  assert.deepEqual(
    withProjectEnv(build, { PATH: '/job/project/tools', CFLAGS: '-O3', HOME: '/x', NEW: '1' }, target),
    {
      PATH: '/job/project/tools:/usr/bin:/bin',
      CFLAGS: '-O3',
      CFLAGS_aarch64_unknown_linux_gnu: '--target=a -O3',
      HOME: '/x',
      NEW: '1',
    },
  );
  const named = withProjectEnv(build, { [`CFLAGS_${TRIPLE}`]: '-g', CFLAGS: '-O3' }, target);
  assert.equal(named[`CFLAGS_${TRIPLE}`], '--target=a -g');
  assert.equal(named.CFLAGS_aarch64_unknown_linux_gnu, '--target=a -g');
});

test('variables that no build can do without are reserved, and their neighbours are not', () => {
  for (const name of [
    'CARGO_HOME',
    'CARGO_TARGET_DIR',
    'CARGO_BUILD_TARGET',
    'CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER',
    'CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER',
    'PYO3_CONFIG_FILE',
    'PYO3_CROSS_LIB_DIR',
    'RUSTC',
  ])
    assert.ok(reservedVariable(name) !== undefined, name);
  for (const name of [
    NAME,
    'RUSTFLAGS',
    'RUSTC_WRAPPER',
    'RUSTC_BOOTSTRAP',
    'PYO3_PRINT_CONFIG',
    'CARGO_PROFILE_RELEASE_LTO',
    'PATH',
    'HOME',
    'MY_CARGO_HOME',
  ])
    assert.equal(reservedVariable(name), undefined, name);
});
