// The patches of a source package, against what the definition that builds it applies and what it leaves out.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { REPOSITORY } from './cli.ts';

interface Definition {
  readonly patches?: readonly string[];
  readonly 'left-out-patches'?: Readonly<Record<string, string>>;
  readonly 'upstream-only'?: string;
}

interface Locked {
  readonly name: string;
  readonly path: string;
  readonly digest: string;
}

function read(...path: readonly string[]): unknown {
  return parse(readFileSync(join(REPOSITORY, ...path), 'utf8'));
}

/** What builds each source package, by its name: the libraries and a CPython. */
function definitions(python: string): ReadonlyMap<string, Definition> {
  const libraries = readdirSync(join(REPOSITORY, 'libraries'))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => read('libraries', file) as Definition & { readonly source: string })
    .map((library): [string, Definition] => [library.source, library]);
  const { source } = read('pythons', python, 'python.yaml') as {
    readonly source: Definition & { readonly package: string };
  };
  return new Map([...libraries, [source.package, source]]);
}

/** Names in `debian/patches/series` of a packed `debian` folder; none where there is no such file. */
function seriesOf(archive: string): readonly string[] {
  const listed = spawnSync('tar', ['-tf', archive, 'debian/changelog'], { encoding: 'utf8' });
  assert.equal(listed.status, 0, listed.stderr);
  const { stdout } = spawnSync('tar', ['-xOf', archive, 'debian/patches/series'], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*/, '').trim())
    .filter((line) => line !== '');
}

/** Fails on a patch that a sysroot's source packages have and that is neither applied, in order, nor left out with a reason. */
export function assertPatchesDeclared(lock: string, python: string, store: string): void {
  const { sets } = JSON.parse(readFileSync(join(REPOSITORY, lock), 'utf8')) as {
    readonly sets: { readonly sources: readonly Locked[] };
  };
  const known = definitions(python);
  const packages = sets.sources.filter(({ path }) => path.includes('.debian.tar.'));
  for (const [name, { 'upstream-only': alone }] of known) {
    const files = sets.sources.filter((one) => one.name === name);
    assert.equal(files.length, alone === undefined ? 2 : 1, `${name} in ${lock}`);
  }
  for (const { name, digest } of packages) {
    const { patches = [], 'left-out-patches': leftOut = {} } = known.get(name) ?? {};
    const series = seriesOf(join(store, 'blobs', 'sha256', digest.replace('sha256:', '')));
    assert.deepEqual(
      patches,
      series.filter((patch) => leftOut[patch] === undefined),
      `patches of ${name}`,
    );
    assert.deepEqual(
      Object.keys(leftOut).filter((patch) => !series.includes(patch)),
      [],
      `left out of ${name}, and not in it`,
    );
  }
}
