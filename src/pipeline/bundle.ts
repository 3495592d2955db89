import { join } from 'node:path';
import type { Built } from '../build/build.ts';
import { type Bundle, makeBundle } from '../bundle/bundle.ts';
import { checkGlibcFloors, type Floor } from '../bundle/glibc-floor.ts';
import { readContents } from '../bundle/inspect.ts';
import { type Unpacked, unpackBundle } from '../bundle/unpack.ts';
import type { Plan } from '../domain/plan.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import { formatBytes } from '../domain/units.ts';
import type { Failure } from '../failure.ts';
import type { Tree } from '../toolchain/tree.ts';
import type { Prepared } from './prepare.ts';
import type { RuntimeParts } from './runtimes.ts';
import type { Session } from './session.ts';
import { snapshotProgram } from './snapshot.ts';

interface BundleInput extends RuntimeParts {
  readonly linkedWith?: string;
  readonly built: Built;
  readonly toolchain: Tree;
  readonly prepared: Prepared;
  /** Bills of materials and licences; absent: it has none. */
  readonly documents?: StoredTree;
  readonly logs: string;
}

export interface Bundled {
  readonly bundle: Bundle;
  readonly unpacked: Unpacked;
  /** What is in it: the built program, or what was made of that. */
  readonly program: Built;
}

/** The bundle of a program; where the recipe wants a snapshot, of the program with its interpreter initialised. */
export async function bundleProgram(
  session: Session,
  plan: Plan,
  input: BundleInput,
): Promise<Result<Bundled>> {
  const { built, rootfs, logs } = input;
  const bundled = await bundleOnce(session, plan, input, built);
  const { wasm } = plan.recipe;
  if (!bundled.ok || wasm?.snapshot !== true) return bundled;
  const { unpacked } = bundled.value;
  // Taken in the bundle, where the program finds its library; then the bundle is made once more.
  const program = await snapshotProgram(session, wasm, { built, unpacked, rootfs, logs });
  return program.ok ? bundleOnce(session, plan, input, program.value) : program;
}

function bundleOnce(
  session: Session,
  plan: Plan,
  input: BundleInput,
  program: Built,
): Promise<Result<Bundled>> {
  const { context, store } = session;
  return session.recorder.stage(
    'bundle',
    'Bundle',
    async () => {
      const made = await makeBundle(context, store, {
        ...input,
        resolved: plan,
        python: input.prepared.python,
        program,
        sysroot: input.prepared.sysroot,
        sourceDateEpoch: input.prepared.sourceDateEpoch,
      });
      if (!made.ok) return made;
      noticeSandboxPaths(session, made.value);
      const unpacked = await unpackBundle(context, store, made.value);
      if (!unpacked.ok) return unpacked;
      const tooNew = await belowFloor(plan, unpacked.value);
      return tooNew === undefined
        ? ok({ bundle: made.value, unpacked: unpacked.value, program })
        : err(tooNew);
    },
    ({ bundle: { hit, meta } }) => ({ hit, detail: `${meta.archive}, ${formatBytes(meta.size)}` }),
  );
}

/** What the recipe says of systems that the bundle has to start on, where it says something. */
async function belowFloor(plan: Plan, { folder, top }: Unpacked): Promise<Failure | undefined> {
  const { recipe, systems } = plan;
  const floors: readonly Floor[] = [
    ...(recipe.glibc === undefined ? [] : [{ version: recipe.glibc }]),
    // On the others it starts where it starts on the system that it is linked for.
    ...systems.flatMap(({ at, definition: { name, glibc } }) =>
      at !== undefined && glibc !== undefined ? [{ version: glibc, system: name, at }] : [],
    ),
  ];
  if (floors.length === 0) return undefined;
  const contents = await readContents(join(folder, top));
  if (!contents.ok) return contents.error;
  const { elves, program } = contents.value;
  return checkGlibcFloors({ folder: join(folder, top), elves, floors, program: program.path });
}

/** Such paths do not exist where the program runs. */
function noticeSandboxPaths({ context }: Session, { meta }: Bundle): void {
  if (meta.sandboxPaths.length === 0) return;
  context.emit({
    type: 'notice',
    level: 'warning',
    code: 'build/sandbox-path',
    message: `The program contains paths that exist only during the build: ${meta.sandboxPaths.join(', ')}.`,
  });
}
