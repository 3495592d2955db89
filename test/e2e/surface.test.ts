// What the emulated static targets offer. Each needs a CPython of its own, which takes long: with PROVISION_TEST_ALL=1 only.
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { assertDeclared, surfaceDifferences, surfaces } from '../support/surface.ts';

const skip = env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 builds CPython for them';

test('what aarch64-musl offers is what the packaged interpreter offers, but for what is declared', {
  skip,
}, async (t) => {
  const folder = temporaryFolder(t);
  const artifacts = join(folder, 'artifacts');
  const { reference, target } = await surfaces(folder, artifacts, (...args) =>
    provision(['aarch64-musl', '--artifacts', artifacts, ...args], {
      ...{ cwd: folder, store: SHARED_STORE, timeoutMs: 90 * 60_000 },
    }),
  );
  assertDeclared(surfaceDifferences(reference, target), 'cpython-3.13', ['musl', 'aarch64-musl']);
});
