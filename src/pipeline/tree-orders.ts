import { distribution } from '../distro/distribution.ts';
import { defined } from '../domain/defined.ts';
import type { Resolved } from '../domain/definitions.ts';
import type { Lock, LockedPackage, TreeDefinition } from '../domain/packages.ts';
import type { SystemDefinition } from '../domain/system.ts';
import type { StageName } from '../events.ts';
import { byNameAndArchitecture } from '../lock/lockfile.ts';
import type { Locked, Locks } from './trees.ts';

/** The trees of a run, in the order in which they are needed. */
export type TreeKey =
  | 'toolchain'
  | 'sysroot'
  | 'interpreter'
  | 'reference'
  | OrderedKey
  | 'rootfs'
  | 'system-data'
  | SystemKey;

/** Interpreters that tell the byte order from other causes. */
export type OrderedKey = 'ordered' | 'control';

/** The root of one of the further systems, by its name. */
export type SystemKey = `system:${string}`;

/** Those, and toolchain image and sysroot without what the recipe adds: what comes from source is built with them for all recipes. */
export type OrderKey = TreeKey | 'image' | 'base';

/** Whether a tree is one that a run uses, not only what something is built with. */
export function isTreeKey(key: OrderKey): key is TreeKey {
  return key !== 'image' && key !== 'base';
}

export interface Order {
  readonly key: OrderKey;
  readonly name: string;
  readonly stage: StageName;
  readonly definition: TreeDefinition;
  readonly packages: readonly LockedPackage[];
  /** Absent: it has no packages. */
  readonly lock?: Lock;
}

/** What a run's trees are made of. */
export function orders(resolved: Resolved, locks: Locks): readonly Order[] {
  const image: Order = {
    key: locks.tools === undefined ? 'toolchain' : 'image',
    name: resolved.toolchain.name,
    stage: 'toolchain',
    definition: resolved.toolchain.rootfs,
    packages: setOf(locks.toolchain, 'rootfs'),
    lock: locks.toolchain.lock,
  };
  return [
    ...(locks.tools === undefined ? [] : [withTools(image, locks.tools)]),
    image,
    {
      key: 'sysroot',
      name: resolved.sysroot.name,
      stage: 'sysroot',
      definition: resolved.sysroot.sysroot,
      packages: setOf(locks.sysroot, 'sysroot'),
      lock: locks.sysroot.lock,
    },
    ...baseOrder(resolved, locks),
    ...(hasOwnInterpreter(resolved) ? [pythonOrder('interpreter', resolved, locks)] : []),
    pythonOrder('reference', resolved, locks),
    ...orderedOrders(resolved, locks),
    {
      key: 'rootfs',
      name: `${resolved.sysroot.name} (run time)`,
      stage: 'rootfs',
      definition: resolved.sysroot.rootfs,
      packages: setOf(locks.sysroot, 'rootfs'),
      lock: locks.sysroot.lock,
    },
    ...systemDataOrder(locks.systemData),
    ...resolved.systems.map(({ definition }) => systemOrder(definition, locks.systems)),
  ];
}

function baseOrder({ plainSysroot }: Resolved, { base }: Locks): readonly Order[] {
  if (base === undefined || plainSysroot === undefined) return [];
  const { name, sysroot: definition } = plainSysroot;
  const packages = setOf(base, 'sysroot');
  return [{ key: 'base', name, stage: 'sysroot', definition, packages, lock: base.lock }];
}

/** Whether the reference is a program of another architecture than the one that runs pip. */
export function hasOwnInterpreter({ interpreter, reference }: Resolved): boolean {
  return interpreter !== reference;
}

function pythonOrder(key: 'interpreter' | 'reference', resolved: Resolved, locks: Locks): Order {
  const { name, rootfs } = resolved[key];
  const locked = locks[key];
  return {
    ...{ key, name, stage: 'reference', definition: rootfs },
    packages: setOf(locked, 'rootfs'),
    lock: locked.lock,
  };
}

function orderedOrders({ ordered }: Resolved, locks: Locks): readonly Order[] {
  return (['ordered', 'control'] as const).flatMap((key): readonly Order[] => {
    const image = ordered?.[key]?.image;
    const locked = locks[key];
    if (image === undefined || locked === undefined) return [];
    const { name, rootfs: definition } = image;
    return [
      { key, name, stage: 'reference', definition, packages: setOf(locked, 'rootfs'), lock: locked.lock },
    ];
  });
}

/** Data that a system would have, for the bundle. */
function systemDataOrder(locked: Locked | undefined): readonly Order[] {
  if (locked === undefined) return [];
  const { name, rootfs } = locked.definition;
  return [
    {
      ...{ key: 'system-data', name, stage: 'data', definition: rootfs },
      ...{ packages: setOf(locked, 'rootfs'), lock: locked.lock },
    },
  ];
}

function systemOrder(definition: SystemDefinition, locks: readonly Locked[]): Order {
  const { name, rootfs } = definition;
  const locked = locks.find((one) => one.definition === definition);
  return {
    key: systemKey(name),
    name,
    stage: 'rootfs',
    definition: rootfs,
    packages: locked === undefined ? [] : setOf(locked, 'rootfs'),
    ...defined({ lock: locked?.lock }),
  };
}

export function systemKey(name: string): SystemKey {
  return `system:${name}`;
}

/** An image with what a recipe adds, in one tree; its own links and files are written over theirs. */
function withTools(image: Order, tools: Locked): Order {
  const more = setOf(tools, 'rootfs');
  const { definition } = image;
  const links = { ...distribution.alternatives(more), ...definition.links };
  return {
    ...image,
    key: 'toolchain',
    name: `${image.name} with ${tools.definition.rootfs.packages.join(', ')}`,
    definition: { ...definition, links },
    packages: [...image.packages, ...more].sort(byNameAndArchitecture),
    lock: tools.lock,
  };
}

const TITLES: Readonly<Record<Exclude<OrderKey, SystemKey>, string>> = {
  toolchain: 'Toolchain',
  image: 'Toolchain image',
  sysroot: 'Sysroot',
  base: 'Sysroot without what the recipe adds',
  interpreter: 'Interpreter of this machine',
  reference: 'Reference interpreter',
  ordered: 'Interpreter of the target’s byte order',
  control: 'Interpreter of the reference’s byte order',
  rootfs: 'Target rootfs',
  'system-data': 'Data of a system',
};

export function titleOf({ key, name }: Order): string {
  return `${isSystem(key) ? 'Root of the system' : TITLES[key]} ${name}`;
}

function isSystem(key: OrderKey): key is SystemKey {
  return key.startsWith('system:');
}

/** Packages of a set of a lock. */
export function setOf({ lock }: Pick<Locked, 'lock'>, name: string): readonly LockedPackage[] {
  return lock.sets[name] ?? [];
}
