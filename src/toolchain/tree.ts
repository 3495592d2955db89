import { makeLayoutLinks } from '../archive/root-layout.ts';
import type { PackageFile } from '../archive/unpack.ts';
import { UNPACK_VERSION, unpackPackages } from '../archive/unpack.ts';
import { distribution } from '../distro/distribution.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Fingerprint } from '../domain/ids.ts';
import type { LockedPackage, TreeDefinition, TreeRules } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import type { StageName } from '../events.ts';
import type { Failure } from '../failure.ts';
import { onDisk } from '../store/disk.ts';
import { fingerprint } from '../store/fingerprint.ts';
import type { Json, Store, StoreEntry } from '../store/store.ts';
import { asGlibcRelease, GLIBC_RELEASE_VERSION } from './glibc-release.ts';
import { OVERLAY_VERSION, overlay } from './overlay.ts';

export type TreeMeta = {
  readonly packages: number;
  /** Files and links, without folders. */
  readonly files: number;
  /** Of all files, unpacked. */
  readonly bytes: number;
};

/** A root filesystem or sysroot in the store. */
export type Tree = StoreEntry<TreeMeta>;

/** What decides the content of a tree. */
export interface TreeContent {
  readonly definition: TreeRules;
  readonly packages: readonly LockedPackage[];
}

export interface TreeOrder extends TreeContent {
  /** For messages, e.g. the name of the image. */
  readonly name: string;
  readonly stage: StageName;
  readonly definition: TreeDefinition;
  /**
   * The package files as they arrive, each distinct one once, in any order; a failure is the last item. Called only
   * when the tree has to be made: a tree that is there starts no download.
   */
  readonly files: () => AsyncIterable<Result<{ readonly package: LockedPackage; readonly file: string }>>;
  /** It need not be there before something is made of it or run in it (`Store.ready`). */
  readonly lazily?: boolean;
}

/** The key of a tree in the store, known before anything is fetched. */
export function treeFingerprint(content: TreeContent): Fingerprint {
  return fingerprint(treeInputs(content));
}

/**
 * The tree of a locked set of packages, from the store or made: the links of the distribution's layout, the packages' files, then
 * the definition's own links and files and the folders that sandboxes mount on. No maintainer script is run.
 */
export function makeTree(context: Context, store: Store, order: TreeOrder): Promise<Result<Tree>> {
  return store.obtain<TreeMeta>('trees', treeInputs(order), (root) => fill(context, root, order), {
    signal: context.signal,
    ...defined({ lazily: order.lazily }),
    reads: [],
    onWait: () => {
      const message = `Another provision is making ${order.name}: waiting for it.`;
      context.emit({ type: 'notice', level: 'info', code: 'store/waiting', message });
    },
  });
}

export function treeInputs({ definition, packages }: TreeContent): Readonly<Record<string, Json>> {
  return {
    // Distinguishes trees of packages from other entries of the same kind.
    what: 'packages',
    // The bytes of every package. Their names and versions are in them; their order does not matter.
    packages: distinct(packages).sort(),
    // Which of their files are left out. The order of the patterns does not matter.
    exclude: [...new Set(definition.exclude)].sort(),
    // What is written over them.
    links: definition.links,
    files: definition.files,
    ...(definition.relativeLinks === true ? { relativeLinks: true } : {}),
    // How its glibc is changed, where it is.
    ...(definition.glibcRelease === undefined
      ? {}
      : { glibc: { release: definition.glibcRelease, version: GLIBC_RELEASE_VERSION } }),
    // How we unpack: modes, and the distribution's layout. Increased when the same packages give another tree.
    unpack: UNPACK_VERSION,
    // How links, files and mount points are written.
    overlay: OVERLAY_VERSION,
  };
}

async function fill(context: Context, root: string, order: TreeOrder): Promise<Result<TreeMeta>> {
  const merged = await onDisk(root, async () => makeLayoutLinks(root, distribution.layout));
  if (!merged.ok) return merged;
  const unpacked = await unpackArriving(context, root, order);
  if (!unpacked.ok) return unpacked;
  const finished = await overlay(root, order.name, order.definition, distribution.layout);
  if (!finished.ok) return finished;
  const { glibcRelease } = order.definition;
  const older =
    glibcRelease === undefined ? ok(undefined) : await asGlibcRelease(root, order.name, glibcRelease);
  if (!older.ok) return older;
  return ok({ packages: order.packages.length, ...unpacked.value });
}

async function unpackArriving(context: Context, root: string, order: TreeOrder) {
  const arrivals = new Arrivals(order);
  const outcome = await unpackPackages({
    root,
    layout: distribution.layout,
    rules: order.definition,
    open: distribution.openPackage,
    packages: arrivals.packages(),
    jobs: context.settings.jobs,
    signal: AbortSignal.any([context.signal, arrivals.stopped]),
    onProgress: ({ packages, bytes }) => {
      const { stage } = order;
      const total = order.packages.length;
      const detail = `${formatBytes(bytes)} unpacked`;
      context.emit({ type: 'stage-progress', stage, done: packages, total, unit: 'packages', detail });
    },
  });
  return arrivals.failure ? err(arrivals.failure) : outcome;
}

/** Turns the stream of fetched files into one of packages; a failed fetch stops the unpacking. */
class Arrivals {
  failure: Failure | undefined;
  readonly #order: TreeOrder;
  readonly #stop = new AbortController();

  constructor(order: TreeOrder) {
    this.#order = order;
  }

  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  async *packages(): AsyncGenerator<PackageFile> {
    const missing = new Set<string>(distinct(this.#order.packages));
    for await (const item of this.#order.files()) {
      if (!item.ok) {
        this.failure = item.error;
        this.#stop.abort();
        return;
      }
      const { package: one, file } = item.value;
      if (!missing.delete(one.digest)) throw new Error(`${one.path} was delivered twice or was not ordered`);
      yield { file, name: `${one.name} ${one.version} (${one.architecture})`, size: one.size };
    }
    if (missing.size > 0)
      throw new Error(`${missing.size} packages of ${this.#order.name} were not delivered`);
  }
}

function distinct(packages: readonly LockedPackage[]): string[] {
  return [...new Set(packages.map(({ digest }) => digest))];
}
