import { join } from 'node:path';
import { distribution } from '../distro/distribution.ts';
import type { DefinitionFile, Resolved, SourceSysroot } from '../domain/definitions.ts';
import type { Lock, LockedPackage, TreeDefinition } from '../domain/packages.ts';
import { ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import type { StageName } from '../events.ts';
import { fetchPackages } from '../fetch/fetch.ts';
import type { LockedDefinition } from '../lock/checksum.ts';
import { lockChecksum, readLock } from '../lock/lockfile.ts';
import { imageFile, sysrootFile } from '../recipe/definitions.ts';
import { makeTree, type Tree, treeFingerprint } from '../toolchain/tree.ts';
import { Deliveries } from './deliveries.ts';
import type { Session } from './session.ts';
import { makeSourceSysroot } from './source-sysroot.ts';

/** The trees of a run, in the order in which they are needed. */
export type TreeKey = 'toolchain' | 'sysroot' | 'reference' | 'rootfs';

export interface Locked {
  readonly file: DefinitionFile;
  readonly definition: LockedDefinition;
  readonly lock: Lock;
}

export interface Locks {
  readonly toolchain: Locked;
  readonly sysroot: Locked;
  readonly reference: Locked;
}

/** Reads and checks the locks of everything that a recipe names. */
export async function readLocks(home: string, resolved: Resolved): Promise<Result<Locks>> {
  const files = {
    toolchain: [imageFile(home, resolved.toolchain.name), resolved.toolchain],
    sysroot: [resolved.sysrootFile ?? sysrootFile(home, resolved.sysroot.name), resolved.sysroot],
    reference: [imageFile(home, resolved.reference.name), resolved.reference],
  } as const;
  const locks: Partial<Record<keyof Locks, Locked>> = {};
  for (const [key, [file, definition]] of Object.entries(files)) {
    const lock = await readLock(file, definition);
    if (!lock.ok) return lock;
    locks[key as keyof Locks] = { file, definition, lock: lock.value };
  }
  return ok(locks as Locks);
}

interface Order {
  readonly key: TreeKey;
  readonly name: string;
  readonly stage: StageName;
  readonly definition: TreeDefinition;
  readonly packages: readonly LockedPackage[];
  readonly lock: Lock;
}

function orders(resolved: Resolved, locks: Locks): readonly Order[] {
  const packages = (locked: Locked, set: string): readonly LockedPackage[] => locked.lock.sets[set] ?? [];
  return [
    {
      key: 'toolchain',
      name: resolved.toolchain.name,
      stage: 'toolchain',
      definition: resolved.toolchain.rootfs,
      packages: packages(locks.toolchain, 'rootfs'),
      lock: locks.toolchain.lock,
    },
    {
      key: 'sysroot',
      name: resolved.sysroot.name,
      stage: 'sysroot',
      definition: resolved.sysroot.sysroot,
      packages: packages(locks.sysroot, 'sysroot'),
      lock: locks.sysroot.lock,
    },
    {
      key: 'reference',
      name: resolved.reference.name,
      stage: 'reference',
      definition: resolved.reference.rootfs,
      packages: packages(locks.reference, 'rootfs'),
      lock: locks.reference.lock,
    },
    {
      key: 'rootfs',
      name: `${resolved.sysroot.name} (run time)`,
      stage: 'rootfs',
      definition: resolved.sysroot.rootfs,
      packages: packages(locks.sysroot, 'rootfs'),
      lock: locks.sysroot.lock,
    },
  ];
}

const TITLES: Readonly<Record<TreeKey, string>> = {
  toolchain: 'Toolchain',
  sysroot: 'Sysroot',
  reference: 'Reference interpreter',
  rootfs: 'Target rootfs',
};

export interface TreeMaker {
  make(key: TreeKey): Promise<Result<Tree>>;
  /** Bytes that had to be downloaded so far. */
  downloaded(): number;
}

/** Makes the trees of a run on demand; downloads for all that are missing begin with the first. */
export async function treeMaker(session: Session, resolved: Resolved, locks: Locks): Promise<TreeMaker> {
  const { context, store, recorder } = session;
  const all = orders(resolved, locks);
  const present = await Promise.all(all.map((order) => store.find('trees', treeFingerprint(order))));
  const missing = all.filter((_, i) => present[i] === undefined);
  let downloaded = 0;
  const deliveries = new Deliveries(missing, async function* (packages) {
    for await (const item of download(session, packages, locks)) {
      if (item.ok && !item.value.hit) downloaded += item.value.package.size;
      yield item;
    }
  });
  const made = new Map<TreeKey, Promise<Result<Tree>>>();
  const once = (key: TreeKey): Promise<Result<Tree>> => {
    const tree = made.get(key) ?? unpack(key);
    made.set(key, tree);
    return tree;
  };
  const unpack = (key: TreeKey): Promise<Result<Tree>> => {
    const order = all.find((one) => one.key === key) as Order;
    return recorder.stage(
      order.stage,
      `${TITLES[key]} ${order.name}`,
      async () => {
        const tree = await makeTree(context, store, { ...order, files: () => deliveries.of(key) });
        if (tree.ok) session.wishes.locks.set(tree.value.folder, lockChecksum(order.lock));
        return tree;
      },
      (tree) => ({
        hit: tree.hit,
        detail: `${tree.meta.packages} packages, ${formatBytes(tree.meta.bytes)}`,
      }),
    );
  };
  const { sysroot: definition } = resolved;
  const fromSource = async (source: SourceSysroot): Promise<Result<Tree>> => {
    const toolchain = await once('toolchain');
    if (!toolchain.ok) return toolchain;
    const base = await once('sysroot');
    if (!base.ok) return base;
    return makeSourceSysroot(session, {
      resolved,
      definition: source,
      toolchain: toolchain.value,
      base: base.value,
      locked: locks.sysroot,
      logs: join(context.settings.cwd, 'artifacts', resolved.recipe.name, 'logs'),
    });
  };
  let source: Promise<Result<Tree>> | undefined;
  return {
    downloaded: () => downloaded,
    make: (key) => {
      if (key !== 'sysroot' || definition.kind === 'packages') return once(key);
      source ??= fromSource(definition);
      return source;
    },
  };
}

async function* download(session: Session, packages: readonly LockedPackage[], locks: Locks) {
  const { context, store } = session;
  // The newest first: where locks are of different times, the snapshot of each has its own files.
  const times = [...new Set(Object.values(locks).map(({ lock }) => lock.resolved))].sort().reverse();
  const mirrors = await distribution.locate(context, times);
  yield* fetchPackages(context, store, packages, mirrors, { stage: 'toolchain' });
}
