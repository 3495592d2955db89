import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Target } from '../../src/domain/target.ts';
import { packageEnvironment } from '../../src/requirements/environment.ts';
import { holds, parseMarker } from '../../src/requirements/marker.ts';
import { versionHas } from '../../src/requirements/version.ts';
import { parseWheelName, wheelFit } from '../../src/requirements/wheel-name.ts';
import { programFormat } from '../../src/runtime/program/program.ts';

/** Relations of PEP 440's own examples, and of `packaging`'s. */
const RELATIONS: readonly (readonly [string, boolean])[] = [
  ['1.0 == 1.0.0', true],
  ['1.0.post1 > 1.0', false],
  ['1.0.1 > 1.0', true],
  ['1.0a1 < 1.0', false],
  ['1.0a1 <= 1.0', true],
  ['1.0.dev1 <= 1.0a1', true],
  ['1.0rc1 >= 1.0b2', true],
  ['2.2.3 ~= 2.2', true],
  ['3.0 ~= 2.2', false],
  ['2.2.9 ~= 2.2.1', true],
  ['2.3 ~= 2.2.1', false],
  ['3.13.5 == 3.13.*', true],
  ['3.13.5 != 3.13.*', false],
  ['1!1.0 > 2.0', true],
  ['1.0+local == 1.0', true],
  ['1.0 == 1.0+local', false],
  ['3.10 >= 3.9', true],
  ['1.0.post2 >= 1.0.post1', true],
];

test('versions are ordered as PEP 440 orders them', () => {
  for (const [relation, expected] of RELATIONS) {
    const [left = '', operator = '', right = ''] = relation.split(' ');
    assert.equal(versionHas(left, operator, right), expected, relation);
  }
  assert.equal(versionHas('no version', '==', '1'), undefined);
});

const target = (machine: string, libc: Target['libc']) =>
  packageEnvironment(
    {
      machine,
      libc,
      rustTriple: 't',
      elf: { machine: '', number: 1, interpreter: '/ld' },
    } as unknown as Target,
    { version: '3.13.5', abiflags: '' },
    [],
    programFormat({ libc }).markers,
  );

function marker(
  text: string,
  { machine = 'aarch64', libc = 'gnu' as Target['libc'], extras = [] as string[] } = {},
): boolean {
  const parsed = parseMarker(text);
  assert.ok(parsed.ok, text);
  return holds(parsed.value, { variables: target(machine, libc).variables, extras, groups: ['dev'] });
}

test('markers are evaluated for the target', () => {
  assert.equal(marker("platform_machine == 'aarch64'"), true);
  assert.equal(marker("platform_machine == 'aarch64'", { machine: 'x86_64' }), false);
  assert.equal(marker("sys_platform == 'wasi'", { libc: 'wasi' }), true);
  assert.equal(marker("sys_platform == 'linux' and python_version < '3.10' or os_name == 'posix'"), true);
  assert.equal(marker("sys_platform == 'linux' and (python_version < '3.10' or os_name == 'nt')"), false);
  assert.equal(marker("python_version >= '3.9'"), true);
  assert.equal(marker("'3.13' == python_version"), true);
  assert.equal(marker("python_full_version in '3.13.5 3.13.6'"), true);
  assert.equal(marker("platform_machine not in 'x86_64 AMD64'"), true);
  assert.equal(marker("extra == 'Fast_One'", { extras: ['fast-one'] }), true);
  assert.equal(marker("extra == 'fast'"), false);
  assert.equal(marker("'dev' in dependency_groups and 'x' not in extras"), true);
  assert.equal(marker("python_implementation == 'CPython'"), true);
});

test('a wheel fits by interpreter, interface and platform', () => {
  const tags = {
    minor: '3.13',
    abiflags: '',
    platforms: ['manylinux_2_41_aarch64', 'manylinux2014_aarch64'],
  };
  const fit = (name: string, of = tags): number | undefined => {
    const parsed = parseWheelName(`x-1.0-${name}.whl`);
    assert.ok(parsed !== undefined, name);
    return wheelFit(parsed, of);
  };
  const order = [
    'cp313-cp313-manylinux_2_41_aarch64',
    'cp313-abi3-manylinux_2_41_aarch64',
    'cp39-abi3-manylinux_2_41_aarch64',
    'cp313-cp313-manylinux_2_17_aarch64.manylinux2014_aarch64',
    'cp313-none-any',
    'py313-none-any',
    'py2.py3-none-any',
  ].map((name) => fit(name) ?? Number.NaN);
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  for (const name of [
    'cp312-cp312-any',
    'cp314-abi3-manylinux2014_aarch64',
    'py2-none-any',
    'cp313-cp313t-any',
    'py3-none-win_amd64',
    'py314-none-any',
  ])
    assert.equal(fit(name), undefined, name);
  const free = { ...tags, abiflags: 't' };
  assert.notEqual(fit('cp313-cp313t-manylinux2014_aarch64', free), undefined);
  assert.equal(fit('cp39-abi3-manylinux2014_aarch64', free), undefined);
  assert.equal(parseWheelName('x.whl'), undefined);
});
