import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type BuildInput, build } from '../../src/build/build.ts';
import type { Context } from '../../src/domain/context.ts';
import { err, ok } from '../../src/domain/result.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { openStore } from '../../src/store/open.ts';
import { temporaryFolder } from '../support/cli.ts';
import { crateOf } from '../support/crate.ts';
import { value } from '../support/sandboxes.ts';

/** Builds with an engine that opens no sandbox; `edit` is called while each attempt is prepared. */
async function attempts(
  t: TestContext,
  edit: (main: string, attempt: number) => void,
): Promise<[string, number, string?]> {
  const crate = crateOf(t);
  const store = value(await openStore(join(temporaryFolder(t), 'store')));
  const project = {
    root: crate,
    folder: crate,
    bin: 'mini',
    profile: 'dev',
    features: [],
    defaultFeatures: true,
    env: {},
  };
  const target = { name: 'x', rustTriple: 'x86_64-unknown-linux-gnu' };
  const tree = { folder: crate, fingerprint: 'f' };
  let attempt = 0;
  let opened = 0;
  const engine: Engine = {
    info: { name: 'namespace', version: '', detail: '' },
    emulation: async () => ok({ by: 'host' }),
    open: async () => {
      opened += 1;
      return err({ code: 'engine/refused', what: 'There is no sandbox.', fix: [] });
    },
  };
  const input = {
    ...{ toolchain: tree, sysroot: tree, logs: temporaryFolder(t) },
    resolved: {
      ...{ target, hostTarget: target, toolchain: { tools: {} }, crate: { name: 'mini' } },
      recipe: { name: 'x', file: join(crate, 'provision.yaml'), project, samples: { paths: [] } },
    },
    env: { variables: {}, pyo3Config: '', cmakeToolchain: '', linked: {} },
    engine: async () => {
      attempt += 1;
      edit(join(crate, 'src/main.rs'), attempt);
      return { ok: true, value: engine };
    },
  } as unknown as BuildInput;
  const context = {
    ...{ settings: { cwd: crate, proxies: {} }, emit: () => {} },
    signal: new AbortController().signal,
  } as unknown as Context;
  const built = await build(context, store, input);
  assert.ok(!built.ok);
  assert.ok(built.error.code === 'engine/refused' ? opened === 1 : opened === 0, 'nothing else is built');
  const { code, why } = built.error;
  return why === undefined || code === 'engine/refused' ? [code, attempt] : [code, attempt, why];
}

test('an edit while a build is prepared is built, under the fingerprint of what is edited', async (t) => {
  assert.deepEqual(await attempts(t, () => {}), ['engine/refused', 1]);
  const once = await attempts(
    t,
    (main, attempt) => attempt === 1 && writeFileSync(main, 'fn main() { edited() }\n'),
  );
  assert.deepEqual(once, ['engine/refused', 2]);
});

test('a project that never stops changing is a failure', async (t) => {
  const always = await attempts(t, (main, attempt) => writeFileSync(main, `// ${attempt}\n`));
  assert.match(always.pop() as string, /^Written last: src\/main\.rs\b/);
  assert.deepEqual(always, ['build/sources-changed', 3]);
});
