import type { Built } from '../build/build.ts';
import type { Unpacked } from '../bundle/unpack.ts';
import type { WasmSettings } from '../domain/definitions.ts';
import type { Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import { takeSnapshot } from '../snapshot/snapshot.ts';
import type { Tree } from '../toolchain/tree.ts';
import type { Session } from './session.ts';

/** The built program with its interpreter initialised. */
export function snapshotProgram(
  session: Session,
  settings: WasmSettings,
  input: { readonly built: Built; readonly unpacked: Unpacked; readonly rootfs: Tree; readonly logs: string },
): Promise<Result<Built>> {
  const { context, store, engine } = session;
  const { program: name, digest } = input.built.meta;
  return session.recorder.stage(
    'snapshot',
    `Snapshot of the initialised ${name}`,
    () =>
      takeSnapshot(context, store, {
        bundle: input.unpacked,
        module: { name, digest },
        settings,
        rootfs: input.rootfs,
        engine,
        logs: input.logs,
      }),
    ({ hit, meta }) => ({ hit, detail: `${meta.program}, ${formatBytes(meta.size)}` }),
  );
}
