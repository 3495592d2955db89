// The locked profiles that are shipped: whether they are whole, and of the sources, patches and training beside them.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isFromSource, type LockedProfile, type SourceSysroot } from '../../src/domain/definitions.ts';
import type { LockedPackage } from '../../src/domain/packages.ts';
import { readLock } from '../../src/lock/lockfile.ts';
import { definitionFiles } from '../../src/recipe/definitions.ts';
import { isOutdated, unpackProfile, usedProfile } from '../../src/sysroot/source/profile.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';

interface Profiled {
  readonly id: string;
  readonly definition: SourceSysroot;
  readonly profile: LockedProfile;
  readonly sources: readonly LockedPackage[];
}

/** Every shipped sysroot that is compiled with a locked profile. */
async function profiled(): Promise<readonly Profiled[]> {
  const files = await definitionFiles(REPOSITORY);
  assert.ok(files.ok);
  const found: Profiled[] = [];
  for (const { file, load } of files.value) {
    const loaded = await load();
    assert.ok(loaded.ok, file.id);
    const definition = loaded.value;
    if (definition.kind !== 'sysroot' || !isFromSource(definition)) continue;
    const profile = usedProfile(definition.source.cpython);
    if (profile === undefined) continue;
    const locked = await readLock(file, definition);
    assert.ok(locked.ok, file.id);
    found.push({ id: file.id, definition, profile, sources: locked.value.sets.sources ?? [] });
  }
  return found;
}

const ALL = await profiled();

test('CPython is compiled with a locked profile for every kind of C library', () => {
  assert.deepEqual(
    [...new Set(ALL.map(({ definition }) => definition.source.cpython.source))],
    ['python3.13'],
  );
  for (const part of ['portable-gnu', 'shared-gnu', 'static-musl', 'wasi'])
    assert.ok(
      ALL.some(({ id }) => id.includes(`/${part}/`)),
      part,
    );
});

test('each profile is of the sources, patches and training that are built', () => {
  assert.deepEqual(
    ALL.filter(({ definition, sources }) => isOutdated(definition, sources)).map(({ id }) => id),
    [],
  );
});

test('another source, patch or training makes a profile outdated; another library does not', () => {
  const [first] = ALL;
  assert.ok(first);
  const { definition, sources, profile } = first;
  const { cpython } = definition.source;
  const withMade = (made: Partial<LockedProfile['made']>): SourceSysroot => ({
    ...definition,
    source: {
      ...definition.source,
      cpython: { ...cpython, profile: { ...profile, made: { ...profile.made, ...made } } },
    },
  });
  assert.equal(isOutdated(withMade({}), sources), false);
  assert.equal(isOutdated(withMade({ training: `${profile.made.training}#` }), sources), true);
  assert.equal(isOutdated(withMade({ patches: profile.made.patches.slice(1) }), sources), true);
  assert.equal(isOutdated(withMade({ ownPatches: [] }), sources), true);
  const changed = (name: string) =>
    sources.map((one) =>
      one.name === name ? ({ ...one, digest: `sha256:${'0'.repeat(64)}` } as const) : one,
    );
  assert.equal(isOutdated(definition, changed(cpython.source)), true);
  assert.equal(isOutdated(definition, changed('zlib')), false);
});

test('the counts are unpacked where they are what was locked; damaged or lost ones are a failure', async (t) => {
  const folder = temporaryFolder(t);
  const [first] = ALL;
  assert.ok(first);
  const out = join(folder, 'counts');
  assert.ok((await unpackProfile(first.profile, out)).ok);
  assert.ok(statSync(out).size > 1_000_000);
  const file = join(folder, 'copy.br');
  copyFileSync(first.profile.file, file);
  const whole = readFileSync(file);
  const flipped = Buffer.from(whole);
  flipped[whole.length >> 1] = (flipped[whole.length >> 1] as number) ^ 4;
  for (const bytes of [flipped, whole.subarray(0, whole.length >> 1), Buffer.alloc(0)]) {
    writeFileSync(file, bytes);
    const unpacked = await unpackProfile({ ...first.profile, file }, out);
    assert.equal(unpacked.ok ? undefined : unpacked.error.code, 'lock/profile-damaged');
  }
  const lost = await unpackProfile({ ...first.profile, file: join(folder, 'none') }, out);
  assert.equal(lost.ok ? undefined : lost.error.code, 'lock/profile-damaged');
  const other = await unpackProfile({ ...first.profile, digest: `sha256:${'0'.repeat(64)}` }, out);
  assert.match(other.ok ? '' : other.error.what, /is not the profile/);
});
