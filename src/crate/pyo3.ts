import { resolve } from 'node:path';
import type { Pyo3Use } from '../domain/crate.ts';
import { defined } from '../domain/defined.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { isTable, type Table, tableAt, textAt, textsAt } from './toml.ts';

const PYO3 = 'pyo3';

/** Cargo features of a package that are asked for. */
export interface Chosen {
  readonly features: readonly string[];
  readonly defaultFeatures: boolean;
}

/** A dependency as a manifest writes it, what it inherits from the workspace filled in. */
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
 * How a package takes PyO3, itself or through packages that it names by path; nothing where none does and the lock
 * has none. Features are followed as cargo does (The Cargo Book, "Features"), without asking cargo.
 */
export async function pyo3Use(
  manifest: Manifest,
  workspace: Manifest,
  chosen: Chosen,
  lock: string | undefined,
): Promise<Pyo3Use | undefined> {
  const features = new Set<string>();
  const direct = await follow(manifest, workspace, chosen, features, new Set());
  const version = lock === undefined ? undefined : lockedVersion(lock, PYO3);
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

/** Version of a package in the text of a `Cargo.lock`: its entries have name and version on lines of their own. */
function lockedVersion(lock: string, name: string): string | undefined {
  return new RegExp(`^name = "${name}"\\r?\\nversion = "([^"]+)"`, 'm').exec(lock)?.[1];
}

async function follow(
  manifest: Manifest,
  workspace: Manifest,
  chosen: Chosen,
  found: Set<string>,
  seen: Set<string>,
): Promise<boolean> {
  if (seen.has(manifest.folder)) return false;
  seen.add(manifest.folder);
  const dependencies = dependenciesOf(manifest, workspace);
  const on = switchedOn(manifest.table, chosen);
  let direct = false;
  for (const dependency of dependencies) {
    const { key } = dependency;
    if (dependency.optional && !on.strong.has(key)) continue;
    const features = [...dependency.features, ...(on.strong.get(key) ?? []), ...(on.weak.get(key) ?? [])];
    if (dependency.package === PYO3) {
      direct = true;
      for (const feature of features) found.add(feature);
    } else if (dependency.path !== undefined) {
      const below = await readManifest(dependency.path);
      const next = { features, defaultFeatures: dependency.defaultFeatures };
      if (below.ok && (await follow(below.value, workspace, next, found, seen))) direct = true;
    }
  }
  return direct;
}

/** Dependency → its features that the chosen features of a package switch on. */
interface SwitchedOn {
  /** These ask for the dependency itself, too. */
  readonly strong: ReadonlyMap<string, readonly string[]>;
  /** `x?/y`: these count where something else asks for it. */
  readonly weak: ReadonlyMap<string, readonly string[]>;
}

function switchedOn(table: Table, chosen: Chosen): SwitchedOn {
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

/** `name = "1.0"` is short for a table. */
function asTable(value: unknown): Table {
  return isTable(value) ? value : {};
}

function minor(feature: string): number {
  return Number(/\d+$/.exec(feature)?.[0] ?? 0);
}
