import { resolve } from 'node:path';
import type { Pyo3Use } from '../domain/crate.ts';
import { defined } from '../domain/defined.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { isTable, type Table, tableAt, textAt, textsAt } from './toml.ts';

/** PyO3, and its bindings alone: they have the same versions and, as far as they matter here, features. */
const PYO3 = ['pyo3', 'pyo3-ffi'];

/** The requested Cargo features of a package. */
export interface Chosen {
  readonly features: readonly string[];
  readonly defaultFeatures: boolean;
}

/** A dependency of a manifest, with the keys that it inherits from the workspace. */
interface Dependency {
  /** The name it has in the manifest. */
  readonly key: string;
  readonly package: string;
  readonly path?: string;
  readonly features: readonly string[];
  readonly defaultFeatures: boolean;
  readonly optional: boolean;
}

/**
 * How a package uses PyO3, directly or through path dependencies; undefined where none does and the lock has no PyO3.
 * Features are resolved as by cargo (The Cargo Book, "Features"), without running it.
 */
export async function pyo3Use(
  manifest: Manifest,
  workspace: Manifest,
  chosen: Chosen,
  lock: string | undefined,
): Promise<Pyo3Use | undefined> {
  const features = new Set<string>();
  const direct = await collectFeatures(manifest, workspace, chosen, features, new Set());
  const version = PYO3.flatMap((name) => lockedVersion(lock ?? '', name) ?? [])[0];
  if (!direct && version === undefined) return undefined;
  const sorted = [...features].sort();
  const abi3 = sorted.filter((name) => /^abi3(-py3\d+)?$/.test(name)).sort((a, b) => minor(a) - minor(b))[0];
  return {
    ...defined({ version }),
    direct,
    features: sorted,
    autoInitialize: features.has('auto-initialize'),
    extensionModule: features.has('extension-module'),
    ...defined({ abi3 }),
  };
}

/** Version of a package in the text of a `Cargo.lock`, where name and version are consecutive lines. */
function lockedVersion(lock: string, name: string): string | undefined {
  return new RegExp(`^name = "${name}"\\r?\\nversion = "([^"]+)"`, 'm').exec(lock)?.[1];
}

async function collectFeatures(
  manifest: Manifest,
  workspace: Manifest,
  chosen: Chosen,
  found: Set<string>,
  seen: Set<string>,
): Promise<boolean> {
  if (seen.has(manifest.folder)) return false;
  seen.add(manifest.folder);
  const dependencies = dependenciesOf(manifest, workspace);
  const enabled = enabledFeatures(manifest.table, chosen);
  let direct = false;
  for (const dependency of dependencies) {
    const { key } = dependency;
    if (dependency.optional && !enabled.strong.has(key)) continue;
    const features = [
      ...dependency.features,
      ...(enabled.strong.get(key) ?? []),
      ...(enabled.weak.get(key) ?? []),
    ];
    if (PYO3.includes(dependency.package)) {
      direct = true;
      for (const feature of features) found.add(feature);
    } else if (dependency.path !== undefined) {
      const below = await readManifest(dependency.path);
      const next = { features, defaultFeatures: dependency.defaultFeatures };
      if (below.ok && (await collectFeatures(below.value, workspace, next, found, seen))) direct = true;
    }
  }
  return direct;
}

/** Dependency → its features that the chosen features of a package enable. */
interface EnabledFeatures {
  /** These also enable the dependency itself. */
  readonly strong: ReadonlyMap<string, readonly string[]>;
  /** `x?/y`: these apply only where something else enables the dependency. */
  readonly weak: ReadonlyMap<string, readonly string[]>;
}

function enabledFeatures(table: Table, chosen: Chosen): EnabledFeatures {
  const features = tableAt(table, 'features');
  const strong = new Map<string, string[]>();
  const weak = new Map<string, string[]>();
  const done = new Set<string>();
  const pending = [...chosen.features, ...(chosen.defaultFeatures ? ['default'] : [])];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (done.has(name)) continue;
    done.add(name);
    const [head = '', feature] = name.replace(/^dep:/, '').split('/');
    if (feature === undefined && Object.hasOwn(features, name)) {
      pending.push(...textsAt(features, name));
      continue;
    }
    const into = head.endsWith('?') ? weak : strong;
    const key = head.replace(/\?$/, '');
    into.set(key, [...(into.get(key) ?? []), ...(feature === undefined ? [] : [feature])]);
  }
  return { strong, weak };
}

function dependenciesOf({ folder, table }: Manifest, workspace: Manifest): readonly Dependency[] {
  const byTarget = Object.values(tableAt(table, 'target')).map((one) =>
    tableAt(one as Table, 'dependencies'),
  );
  const inherited = tableAt(workspace.table, 'workspace', 'dependencies');
  return [tableAt(table, 'dependencies'), ...byTarget].flatMap((dependencies) =>
    Object.entries(dependencies).map(([key, value]): Dependency => {
      const own = asTable(value);
      const base = own.workspace === true ? asTable(inherited[key]) : {};
      const path = textAt(own, 'path');
      const basePath = textAt(base, 'path');
      return {
        key,
        package: textAt(own, 'package') ?? textAt(base, 'package') ?? key,
        ...(path === undefined ? {} : { path: resolve(folder, path) }),
        ...(basePath === undefined ? {} : { path: resolve(workspace.folder, basePath) }),
        features: [...textsAt(base, 'features'), ...textsAt(own, 'features')],
        defaultFeatures: own['default-features'] !== false && base['default-features'] !== false,
        optional: own.optional === true,
      };
    }),
  );
}

/** A table, or the short form `name = "1.0"`. */
function asTable(value: unknown): Table {
  return isTable(value) ? value : {};
}

function minor(feature: string): number {
  return Number(/\d+$/.exec(feature)?.[0] ?? 0);
}
