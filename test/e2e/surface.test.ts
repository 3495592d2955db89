// What the emulated static targets offer. Each needs a CPython of its own, which takes long: with PROVISION_TEST_ALL=1 only.
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { assertDeclared, surfaceDifferences, surfaces } from '../support/surface.ts';

const skip = env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 builds CPython for them';

test('what aarch64-musl offers is what the packaged interpreter of aarch64 offers, but for what is declared', {
  skip,
}, async (t) => {
  // That of this machine's architecture differs by what the architecture is: signs of types, numbers of flags.
  const offered = async (recipe: string) => {
    const folder = temporaryFolder(t);
    const artifacts = join(folder, 'artifacts');
    const both = await surfaces(folder, artifacts, (...args) =>
      provision([recipe, '--artifacts', artifacts, ...args], {
        ...{ cwd: folder, store: SHARED_STORE, timeoutMs: 90 * 60_000 },
      }),
    );
    return both.target;
  };
  const differences = surfaceDifferences(await offered('aarch64'), await offered('aarch64-musl'));
  assertDeclared(differences, 'cpython-3.13', ['musl', 'aarch64-musl']);
});
