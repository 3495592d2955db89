import { distribution } from '../distro/distribution.ts';
import { defined } from '../domain/defined.ts';
import {
  type DefinitionFile,
  isFromSource,
  type ProfileMaking,
  type Resolved,
  type SourceSysroot,
} from '../domain/definitions.ts';
import type { Lock, LockedPackage, PackageSet } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import { Deliveries } from '../fetch/deliveries.ts';
import { fetchPackages } from '../fetch/fetch.ts';
import { toolsOn } from '../lock/additions.ts';
import { type LockedDefinition, packageSets } from '../lock/checksum.ts';
import { byNameAndArchitecture, lockChecksum, readLock } from '../lock/lockfile.ts';
import { rustStdMismatch } from '../lock/rust-std.ts';
import { entryFolder } from '../store/entries.ts';
import type { Store } from '../store/store.ts';
import type { Trained } from '../sysroot/source/profile.ts';
import { makeTree, type Tree, treeFingerprint } from '../toolchain/tree.ts';
import type { Session } from './session.ts';
import { makeSourceSysroot, type SourceSysrootInput, trainOn } from './source-sysroot.ts';
import {
  hasOwnInterpreter,
  isTreeKey,
  type Order,
  type OrderKey,
  orders,
  setOf,
  type TreeKey,
  titleOf,
} from './tree-orders.ts';

export interface Locked {
  readonly file: DefinitionFile;
  readonly definition: LockedDefinition;
  readonly lock: Lock;
  /** What a run takes of it: of a toolchain's lock not the standard libraries of other targets. */
  readonly needed: readonly LockedPackage[];
}

export interface Locks {
  readonly toolchain: Locked;
  /** What the recipe adds to the toolchain. */
  readonly tools?: Locked;
  /** Its link-time set holds the Rust standard library, too, which the toolchain's lock names. */
  readonly sysroot: Locked;
  /** The shipped sysroot that the recipe adds packages to, where libraries and Python are built on it. */
  readonly base?: Locked;
  /** Of the machine that builds; the reference's, where that is the same. */
  readonly interpreter: Locked;
  readonly reference: Locked;
  /** Of the target's byte order, where the reference has another one; and one of the reference's on another machine. */
  readonly ordered?: Locked;
  readonly control?: Locked;
  /** What the bundle brings of a system's data is from it. */
  readonly systemData?: Locked;
  /** Of the further systems that have packages. */
  readonly systems: readonly Locked[];
}

/** All of them, one after the other. */
export function allLocks(locks: Locks): readonly Locked[] {
  const { toolchain, tools, base, sysroot, interpreter, reference, ordered, control } = locks;
  const { systemData, systems } = locks;
  const some = (...all: readonly (Locked | undefined)[]) => all.flatMap((one) => one ?? []);
  const python = [...new Set(some(interpreter, reference, ordered, control))];
  return [toolchain, ...some(tools, base), sysroot, ...python, ...some(systemData), ...systems];
}

/** Reads and checks the locks of everything that a recipe names. */
export async function readLocks(resolved: Resolved): Promise<Result<Locks>> {
  const { rustStd } = resolved;
  const toolchain = await readLocked(resolved.files.toolchain, resolved.toolchain, [
    'rootfs',
    ...(rustStd.from === 'packages' ? [rustStd.set] : []),
  ]);
  if (!toolchain.ok) return toolchain;
  const tools = await readTools(resolved, toolchain.value.lock);
  if (!tools.ok) return tools;
  const sysroot = await readLocked(resolved.files.sysroot, resolved.sysroot);
  if (!sysroot.ok) return sysroot;
  const base = await readBase(resolved);
  if (!base.ok) return base;
  const reference = await readLocked(resolved.files.reference, resolved.reference);
  if (!reference.ok) return reference;
  const interpreter = hasOwnInterpreter(resolved)
    ? await readLocked(resolved.files.interpreter, resolved.interpreter)
    : reference;
  if (!interpreter.ok) return interpreter;
  const further = await readOrdered(resolved);
  if (!further.ok) return further;
  const std = rustStdPackages(resolved, toolchain.value);
  if (!std.ok) return std;
  const systemData = await readSystemData(resolved);
  if (!systemData.ok) return systemData;
  const systems: Locked[] = [];
  for (const { definition, file } of resolved.systems) {
    if (file === undefined) continue;
    const locked = await readLocked(file, definition);
    if (!locked.ok) return locked;
    systems.push(locked.value);
  }
  return ok({
    toolchain: { ...toolchain.value, needed: [...setOf(toolchain.value, 'rootfs'), ...std.value] },
    ...defined({ tools: tools.value }),
    sysroot: withStd(sysroot.value, std.value),
    ...defined({ base: base.value && withStd(base.value, std.value) }),
    interpreter: interpreter.value,
    reference: reference.value,
    ...further.value,
    ...defined({ systemData: systemData.value }),
    systems,
  });
}

async function readOrdered({ ordered }: Resolved): Promise<Result<Pick<Locks, 'ordered' | 'control'>>> {
  if (ordered === undefined) return ok({});
  const locked = await readLocked(ordered.ordered.file, ordered.ordered.image);
  if (!locked.ok) return locked;
  const { control: other } = ordered;
  const control = other === undefined ? ok(undefined) : await readLocked(other.file, other.image);
  return control.ok ? ok({ ordered: locked.value, ...defined({ control: control.value }) }) : control;
}

async function readLocked(
  file: DefinitionFile,
  definition: LockedDefinition,
  wanted?: readonly string[],
): Promise<Result<Locked>> {
  const lock = await readLock(file, definition, wanted);
  return lock.ok
    ? ok({ file, definition, lock: lock.value, needed: Object.values(lock.value.sets).flat() })
    : lock;
}

/** The lock of the sysroot that a recipe adds to, where something of it is built from source. */
async function readBase({ plainSysroot, sysrootFile }: Resolved): Promise<Result<Locked | undefined>> {
  const file = sysrootFile?.addsTo;
  if (plainSysroot === undefined || file === undefined || !isFromSource(plainSysroot)) return ok(undefined);
  return readLocked(file, plainSysroot);
}

async function readSystemData({ systemData }: Resolved): Promise<Result<Locked | undefined>> {
  return systemData === undefined ? ok(undefined) : readLocked(systemData.file, systemData.definition);
}

/** The lock of the tools that a recipe adds to its image, which has this one. */
async function readTools({ tools, toolchain }: Resolved, lock: Lock): Promise<Result<Locked | undefined>> {
  return tools === undefined
    ? ok(undefined)
    : readLocked(tools.file, toolsOn(toolchain, lock, tools.packages));
}

/** All packages of the toolchain: the image's, and what the recipe adds. */
export function toolchainPackages({ toolchain, tools }: Locks): readonly LockedPackage[] {
  return [...setOf(toolchain, 'rootfs'), ...(tools === undefined ? [] : setOf(tools, 'rootfs'))];
}

/** The suite that a package of a set comes from: the set's own, the toolchain's where it is of Rust, else the lock's. */
export function suiteOf(
  { toolchain }: Pick<Locks, 'toolchain'>,
  { lock, definition }: Locked,
  set: string,
  { name, digest }: Pick<LockedPackage, 'name' | 'digest'>,
): string {
  if (lock !== toolchain.lock && toolchain.needed.some((one) => one.digest === digest))
    return toolchain.lock.suite;
  const sets: Readonly<Record<string, PackageSet>> = packageSets(definition);
  const own = sets[set];
  return own?.elsewhere?.[name] ?? own?.suite ?? lock.suite;
}

/** The packages of Rust's standard library for the target. */
function rustStdPackages({ rustStd, toolchain }: Resolved, locked: Locked): Result<readonly LockedPackage[]> {
  if (rustStd.from === 'source') return ok([]);
  const mismatch = rustStdMismatch(locked.file, toolchain, locked.lock, rustStd.set);
  return mismatch === undefined ? ok(setOf(locked, rustStd.set)) : err(mismatch);
}

/** The link-time set of a sysroot with the standard library, each package once. */
function withStd(sysroot: Locked, std: readonly LockedPackage[]): Locked {
  const own = setOf(sysroot, 'sysroot');
  const known = new Set(own.map(({ digest }) => digest));
  const both = [...own, ...std.filter(({ digest }) => !known.has(digest))].sort(byNameAndArchitecture);
  return { ...sysroot, lock: { ...sysroot.lock, sets: { ...sysroot.lock.sets, sysroot: both } } };
}

/** Root tree of the store, whether it is there or not → checksum of the lock that it is made from. */
export function lockChecksums(
  store: Store,
  { plan, locks }: { readonly plan: Resolved; readonly locks: Locks },
): ReadonlyMap<string, string> {
  return new Map(
    orders(plan, locks).flatMap((order) =>
      order.lock === undefined
        ? []
        : [[entryFolder(store.folder, 'trees', treeFingerprint(order)), lockChecksum(order.lock)] as const],
    ),
  );
}

export interface TreeMaker {
  /** The trees whose packages are not in the store as trees. */
  readonly missing: ReadonlySet<TreeKey>;
  make(key: TreeKey): Promise<Result<Tree>>;
  /** The profile of a CPython from source, trained on this machine. */
  train(definition: SourceSysroot, making: ProfileMaking): Promise<Result<Trained>>;
}

/** Makes the trees of a run on demand; downloads for all that are missing begin with the first. */
export async function treeMaker(
  session: Session,
  resolved: Resolved,
  locks: Locks,
  /** Folder for the logs of what is built from source. */
  logs: string,
): Promise<TreeMaker> {
  const { context, store, recorder } = session;
  const all = orders(resolved, locks);
  const present = await Promise.all(all.map((order) => store.offers('trees', treeFingerprint(order))));
  // Only what is built from source is built with the image alone; most runs have no difference to explain.
  const wanted = (key: OrderKey): boolean =>
    key === 'image' ? isFromSource(resolved.sysroot) : key !== 'ordered' && key !== 'control';
  const missing = all.filter(({ key }, i) => present[i] !== true && wanted(key));
  const fetched = async function* (packages: readonly LockedPackage[]) {
    for await (const item of download(session, packages, locks)) {
      if (item.ok && !item.value.hit)
        context.emit({ type: 'facts', facts: { downloaded: item.value.package.size } });
      yield item;
    }
  };
  const deliveries = new Deliveries(missing, fetched);
  // One that was there may turn out to be damaged.
  const files = (order: Order) =>
    missing.includes(order) ? deliveries.of(order.key) : fetched(order.packages);
  const made = new Map<OrderKey, Promise<Result<Tree>>>();
  const once = (key: OrderKey): Promise<Result<Tree>> => {
    const tree = made.get(key) ?? unpack(key);
    made.set(key, tree);
    return tree;
  };
  const unpack = (key: OrderKey): Promise<Result<Tree>> => {
    const order = all.find((one) => one.key === key) as Order;
    return recorder.stage(
      order.stage,
      titleOf(order),
      () => makeTree(context, store, { ...order, files: () => files(order), lazily: true }),
      (tree) => ({
        hit: tree.hit,
        detail: `${tree.meta.packages} packages, ${formatBytes(tree.meta.bytes)}`,
      }),
    );
  };
  const { sysroot: definition } = resolved;
  const interpreterKey = hasOwnInterpreter(resolved) ? 'interpreter' : 'reference';
  const partsOf = async (source: SourceSysroot): Promise<Result<SourceSysrootInput>> => {
    const toolchain = await once(locks.tools === undefined ? 'toolchain' : 'image');
    if (!toolchain.ok) return toolchain;
    const base = await once(locks.base === undefined ? 'sysroot' : 'base');
    if (!base.ok) return base;
    const packages = await once('sysroot');
    if (!packages.ok) return packages;
    return ok({
      resolved,
      definition: source,
      toolchain: toolchain.value,
      base: base.value,
      packages: packages.value,
      interpreter: () => once(interpreterKey),
      locked: locks.base ?? locks.sysroot,
      logs,
    });
  };
  const fromSource = async (source: SourceSysroot): Promise<Result<Tree>> => {
    const parts = await partsOf(source);
    return parts.ok ? makeSourceSysroot(session, parts.value) : parts;
  };
  let source: Promise<Result<Tree>> | undefined;
  return {
    missing: new Set(missing.map(({ key }) => key).filter(isTreeKey)),
    make: (key) => {
      if (key === 'interpreter') return once(interpreterKey);
      if (key !== 'sysroot' || !isFromSource(definition)) return once(key);
      source ??= fromSource(definition);
      return source;
    },
    train: async (source, making) => {
      const parts = await partsOf(source);
      return parts.ok ? trainOn(session, parts.value, making) : parts;
    },
  };
}

async function* download(session: Session, packages: readonly LockedPackage[], locks: Locks) {
  const { context, store } = session;
  // The newest first: where locks are of different times, the snapshot of each has its own files.
  const times = [...new Set(allLocks(locks).map(({ lock }) => lock.resolved))].sort().reverse();
  const mirrors = await distribution.locate(context, times);
  yield* fetchPackages(context, store, packages, mirrors, { stage: 'toolchain' });
}
