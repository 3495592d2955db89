import { distribution } from '../distro/distribution.ts';
import type { ImageDefinition } from '../domain/definitions.ts';
import { ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import type { StageName } from '../events.ts';
import { fetchPackages } from '../fetch/fetch.ts';
import { readLock } from '../lock/lockfile.ts';
import type { Session } from '../pipeline/session.ts';
import { imageHere } from '../recipe/definitions.ts';
import { makeTree, type Tree } from '../toolchain/tree.ts';

/** The tree of a locked image (`docker/<name>/`) for this machine, in a stage of its own. */
export async function makeImageTree(
  session: Session,
  name: string,
  { stage, title }: { readonly stage: StageName; readonly title: string },
): Promise<Result<{ readonly definition: ImageDefinition; readonly tree: Tree }>> {
  const { context, store, recorder } = session;
  const image = await imageHere(context.settings.home, name);
  if (!image.ok) return image;
  const { file, definition } = image.value;
  const lock = await readLock(file, definition);
  if (!lock.ok) return lock;
  const packages = lock.value.sets.rootfs ?? [];
  const files = async function* () {
    const mirrors = await distribution.locate(context, [lock.value.resolved]);
    yield* fetchPackages(context, store, packages, mirrors, { stage });
  };
  const tree = await recorder.stage(
    stage,
    `${title} ${name}`,
    () =>
      makeTree(context, store, {
        ...{ name: definition.name, stage, definition: definition.rootfs, packages, files },
      }),
    ({ hit, meta }) => ({ hit, detail: `${meta.packages} packages, ${formatBytes(meta.bytes)}` }),
  );
  return tree.ok ? ok({ definition, tree: tree.value }) : tree;
}
