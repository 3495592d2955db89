// Settings, recipe and keys → the store that is shared; what a run does with it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseCacheAddress } from '../../src/domain/cache-address.ts';
import type { Settings } from '../../src/domain/context.ts';
import { ok } from '../../src/domain/result.ts';
import { withSession } from '../../src/pipeline/session.ts';
import { readSettings } from '../../src/settings.ts';
import { provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';
import { NO_REGISTRY, startRegistry } from '../support/registry.ts';
import { value } from '../support/sandboxes.ts';

/** Keys as a user makes them. */
function keys(t: TestContext): { readonly folder: string; readonly sign: string; readonly open: string } {
  const folder = temporaryFolder(t, 'shared störe ');
  const [sign, open] = [join(folder, 'sign.pem'), join(folder, 'cache.pub')];
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', sign]);
  execFileSync('openssl', ['pkey', '-in', sign, '-pubout', '-out', open]);
  return { folder, sign, open };
}

/** One run that needs an entry; whether it was made, and what was said. */
async function run(settings: Partial<Settings>) {
  const context = testContext({ home: REPOSITORY, engine: 'namespace', ...settings });
  let made = false;
  const ran = await withSession(context, [], async ({ store }) => {
    const entry = await store.obtain(
      'builds',
      { what: 'an entry of a test' },
      async (root) => {
        made = true;
        writeFileSync(join(root, 'file'), 'content');
        return ok(null);
      },
      { signal: context.signal },
    );
    return entry;
  });
  const said = context.events.flatMap((one) => (one.type === 'notice' ? [one.code] : []));
  return { made, said, code: ran.ok ? '' : ran.error.code };
}

test('a run pushes with --push-cache, and another machine takes it', { skip: NO_REGISTRY }, async (t) => {
  const { host } = await startRegistry(t);
  const { folder, sign, open } = keys(t);
  const cache = value(parseCacheAddress(`oci://${host}/team/cache`, 'test'));
  const at = (store: string) => ({ store: join(folder, store), cache });
  assert.deepEqual(await run({ ...at('one'), signKey: sign, pushCache: true }), {
    ...{ made: true, said: ['cache/pushed'], code: '' },
  });
  assert.deepEqual(await run({ ...at('two') }), { made: true, said: ['cache/no-keys'], code: '' });
  assert.deepEqual(await run({ ...at('three'), trustedKeys: [open] }), {
    ...{ made: false, said: ['cache/pulled'], code: '' },
  });
  assert.deepEqual(await run({ ...at('four'), trustedKeys: [open], offline: true }), {
    ...{ made: true, said: [], code: '' },
  });
  // What was there before the store was shared is pushed when it is used.
  const other = value(parseCacheAddress(`oci://${host}/other`, 'test'));
  assert.deepEqual(await run({ ...at('four'), cache: other, signKey: sign, pushCache: true }), {
    ...{ made: false, said: ['cache/pushed'], code: '' },
  });
});

test('what a shared store lacks is said before anything is done', async (t) => {
  const { folder, sign } = keys(t);
  const store = join(folder, 'store');
  const cache = value(parseCacheAddress('oci://127.0.0.1:9/cache', 'test'));
  const codes = async (settings: Partial<Settings>) => {
    const { made, code } = await run({ store, pushCache: true, ...settings });
    assert.equal(made, false);
    return code;
  };
  assert.equal(await codes({ signKey: sign }), 'usage/push-cache');
  assert.equal(await codes({ cache }), 'usage/push-cache');
  assert.equal(await codes({ cache, signKey: sign, offline: true }), 'usage/push-cache');
  assert.equal(await codes({ cache, signKey: join(folder, 'none.pem') }), 'usage/sign-key');
  assert.equal(await codes({ cache, signKey: sign, trustedKeys: [sign, store] }), 'usage/key');
  const expired = join(folder, 'expired.pem');
  writeFileSync(expired, `Expires: 2020-01-01\n${execFileSync('cat', [sign], { encoding: 'utf8' })}`);
  assert.equal(await codes({ cache, signKey: expired }), 'usage/sign-key');
});

test('PROVISION_CACHE is an address or a folder', () => {
  const read = (env: Record<string, string>) =>
    readSettings({ HOME: '/home/me', ...env }, {}, '/cwd', '/tool');
  assert.equal(value(read({ PROVISION_CACHE: 'here' })).store, '/cwd/here/store');
  const shared = value(read({ PROVISION_CACHE: 'oci://registry.example:5000/team/cache' }));
  assert.equal(shared.store, '/home/me/.cache/provision/store');
  assert.deepEqual(shared.cache, {
    ...{ text: 'oci://registry.example:5000/team/cache', host: 'registry.example:5000', path: 'team/cache' },
  });
  const both = value(read({ PROVISION_CACHE: 'oci+http://10.0.0.1/cache', PROVISION_CACHE_FOLDER: '/c' }));
  assert.deepEqual([both.store, both.cache?.plain], ['/c/store', true]);
  assert.equal(value(read({ PROVISION_CACHE: 'oci+https://localhost:1/a' })).cache?.plain, false);
  assert.equal(value(read({ PROVISION_CACHE: 'oci://[::1]:5000/a' })).cache?.host, '[::1]:5000');
  for (const wrong of [
    'http://registry.example/team',
    'oci://registry.example',
    'oci://registry.example/UPPER',
    'oci://registry.example/a:tag',
    'oci://user@registry.example/a',
    'oci://registry.example/a/',
    'oci:///a',
  ]) {
    const settings = read({ PROVISION_CACHE: wrong });
    assert.equal(settings.ok ? wrong : settings.error.code, 'usage/cache');
  }
});

test('the address stands in a recipe, too', { skip: NO_REGISTRY }, async (t) => {
  const { host } = await startRegistry(t);
  const { folder } = keys(t);
  const recipe = join(folder, 'own.yaml');
  const write = (cache: string) =>
    writeFileSync(
      recipe,
      `schema: 1\nextends: x86_64\ncache: ${cache}\nproject: {path: ${JSON.stringify(join(REPOSITORY, 'runner'))}}\n`,
    );
  write('http://registry.example/team');
  const wrong = await provision(['plan', recipe], { store: folder });
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /oci:\/\/host:5000\/team\/cache[\s\S]*own\.yaml:3:8/);
  write(`oci://${host}/cache`);
  const without = await provision(['run', recipe, '--push-cache'], {
    store: join(folder, 'store'),
    cwd: folder,
  });
  assert.equal(without.status, 2, without.stderr);
  assert.match(without.stderr, /error\[usage\/push-cache\]: `--push-cache` needs a key/);
});
