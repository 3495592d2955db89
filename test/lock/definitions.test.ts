import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { distribution } from '../../src/distro/distribution.ts';
import { readLock } from '../../src/lock/lockfile.ts';
import { resolveLock } from '../../src/lock/resolve.ts';
import { definitionFiles, imageHere } from '../../src/recipe/definitions.ts';
import { plainEnvironment, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';

test('every image, Python, sysroot and system has a lock that fits it', async () => {
  const all = await definitionFiles(REPOSITORY);
  assert.ok(all.ok && all.value.length > 0, JSON.stringify(all));
  for (const { file, load } of all.value) {
    const definition = await load();
    assert.ok(definition.ok, `${file.id}: ${JSON.stringify(definition)}`);
    const lock = await readLock(file, definition.value);
    assert.ok(lock.ok, `${file.id}: ${JSON.stringify(lock)}`);
    assert.ok((lock.value.lists ?? []).length > 0, `${file.id} does not say which lists it is from`);
    for (const [name, packages] of Object.entries(lock.value.sets))
      assert.ok(packages.length > 0, `${file.id} ${name}`);
  }
});

// The real thing, once: Debian's own signature against Debian's own keys, on the smallest definition there is.
const skip = existsSync('/usr/bin/apt-get') ? false : 'apt is not on this machine';
test('the archive of this machine’s mirror resolves, its signature checked', { skip }, async (t) => {
  const image = await imageHere(REPOSITORY, 'archive-keyring');
  assert.ok(image.ok, JSON.stringify(image));
  const { [distribution.mirrorVariable]: named = '', ...environment } = plainEnvironment();
  const proxies = Object.fromEntries(Object.entries(environment).filter(([name]) => /_proxy$/i.test(name)));
  const mirrors = named.split(/[\s,]+/).filter(Boolean);
  const context = testContext({ store: temporaryFolder(t), home: REPOSITORY, proxies, mirrors });
  const lock = await resolveLock(context, image.value.definition);
  assert.ok(lock.ok, JSON.stringify(lock));
  assert.deepEqual(
    lock.value.sets.rootfs?.map(({ name }) => name),
    ['debian-archive-keyring'],
  );
});
