import type { Distro } from '../distro.ts';
import { advice } from './advice.ts';
import { fromPurl, licenceOf, purlOf, releaseOf, sourceOf } from './bill.ts';
import { changelogIn, fixesAfter, newestIn, withoutEpoch, withoutRebuild } from './changelog.ts';
import { locateData } from './deb-reader.ts';
import { ANY_MACHINE, entryMistakes, SOURCE } from './entries.ts';
import { noMirror } from './failures.ts';
import { LAYOUT } from './layout.ts';
import { KEYRING_FILES, MIRROR_VARIABLE } from './settings.ts';
import { alternativesOf, variablesOf } from './tool-packages.ts';
import { compareVersions } from './versions.ts';

/** What asks apt or writes a Dockerfile is loaded when it is called: most runs find everything in the store. */
export const debian: Distro = {
  resolve: async (context, request, machine) =>
    (await import('./resolve.ts')).resolveSets(context, request, machine),
  locate: async (context, resolved, machine) =>
    (await import('./mirrors.ts')).locateMirrors(context, resolved, machine),
  noMirror,
  verify: entryMistakes,
  openPackage: locateData,
  layout: LAYOUT,
  dockerfile: async (definition, lockPath, lock) =>
    (await import('./dockerfile.ts')).dockerfileOf(definition, lockPath, lock),
  alternatives: alternativesOf,
  toolVariables: variablesOf,
  architectureOf: ({ debianArch }) => debianArch,
  compareVersions,
  updates: {
    newest: async (context, store, request, machine) =>
      (await import('./newest.ts')).newestPackages(context, store, request, machine),
    isNewer: (version, than, architecture) =>
      architecture === SOURCE
        ? compareVersions(withoutEpoch(version), withoutEpoch(than)) > 0
        : compareVersions(version, than) > 0,
    isForAll: (architecture) => architecture === ANY_MACHINE,
    // `linux-libc-dev`, the headers of the kernel.
    isDeclarations: (source) => source === 'linux',
    sourceVersion: withoutRebuild,
    changelogIn,
    newestIn,
    fixes: fixesAfter,
  },
  bill: {
    purl: purlOf,
    fromPurl,
    release: releaseOf,
    source: sourceOf,
    // Debian Policy, 12.5.
    copyright: (name) => `usr/share/doc/${name}/copyright`,
    licence: licenceOf,
  },
  sources: {
    architecture: SOURCE,
    patch: (name) => `debian/patches/${name}`,
  },
  // Source: the Debian Python Policy, "Module path", and the package python3-pip-whl.
  python: {
    wheels: '/usr/share/python-wheels',
    sitePackages: (site) => (site.includes('"dist-packages"') ? 'lib/python3/dist-packages' : undefined),
  },
  advice,
  mirrorVariable: MIRROR_VARIABLE,
  keyrings: KEYRING_FILES,
};
