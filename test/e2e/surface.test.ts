// What the emulated static targets offer. Each needs a CPython of its own, which takes long: with PROVISION_TEST_ALL=1 only.
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { assertDeclared, surfaceDifferences, surfaces } from '../support/surface.ts';

const skip = env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 builds CPython for them';

/** Recipe → where what it differs in is declared for. */
const PLACES = {
  'aarch64-musl': ['musl', 'aarch64-musl', 'static-musl'],
  aarch64: ['gnu', 'aarch64', 'glibc-2.31', 'portable-gnu'],
  armv7: ['gnu', 'armv7', 'glibc-2.36', 'portable-gnu'],
  ppc64le: ['gnu', 'ppc64le', 'glibc-2.36', 'portable-gnu', 'portable-gnu/ppc64le'],
  'riscv64, source': ['gnu', 'riscv64', 'glibc-2.41', 'portable-gnu'],
  s390x: ['gnu', 's390x', 'glibc-2.36', 'portable-gnu', 'portable-gnu/s390x'],
  x86_64: ['gnu', 'x86_64', 'glibc-2.31', 'portable-gnu', 'portable-gnu/x86_64'],
  'x86_64 3.11': ['gnu', 'x86_64', 'glibc-2.31', 'portable-gnu', 'portable-gnu/x86_64'],
  'musl 3.11': ['musl', 'x86_64-musl', 'static-musl'],
  'x86_64, shared': ['gnu', 'x86_64', 'glibc-2.31', 'shared-gnu', 'shared-gnu/x86_64'],
} as const;

for (const [name, places] of Object.entries(PLACES)) {
  test(`what ${name} offers is what the distribution's interpreter offers, but for what is declared`, {
    skip,
  }, async (t) => {
    const [named, other] = name.split(', ') as [string, string?];
    const [target, version] = named.split(' ') as [string, string?];
    const offered = (recipe: string) => {
      const folder = temporaryFolder(t);
      const artifacts = join(folder, 'artifacts');
      return surfaces(folder, artifacts, (...args) =>
        provision(
          [
            recipe,
            ...(version === undefined ? [] : ['--python', version]),
            '--artifacts',
            artifacts,
            ...args,
          ],
          {
            ...{ cwd: folder, store: SHARED_STORE, timeoutMs: 90 * 60_000 },
          },
        ),
      );
    };
    const own = temporaryFolder(t);
    const project = `project: {path: ${JSON.stringify(join(REPOSITORY, 'runner'))}}\n`;
    const packaged = target.replace('-musl', '');
    put(own, {
      'shared.yaml': `schema: 1\nextends: ${target}\npython: {linkage: dynamic}\n${project}`,
      'source.yaml': `schema: 1\nextends: ${target}\npython: {from: source}\n${project}`,
      'packaged.yaml': `schema: 1\nextends: ${packaged}\npython: {from: packages}\n${project}`,
    });
    const found = await offered(other === undefined ? target : join(own, `${other}.yaml`));
    // The reference is of another architecture, where signs of types and numbers of flags are others; but not of 32-bit targets.
    const reference = ['x86_64', 'musl', 'armv7'].includes(target)
      ? found.reference
      : (await offered(join(own, 'packaged.yaml'))).target;
    assertDeclared(surfaceDifferences(reference, found.target), `cpython-${version ?? '3.13'}`, places);
  });
}
