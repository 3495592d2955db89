import { ok } from '../domain/result.ts';
import { assignments, bundleMount, startedAt } from './bundled.ts';
import { programExit } from './exit.ts';
import type { TargetRuntime } from './runtime.ts';

/** The kernel starts the program, in a root that holds the target's libc and nothing of Python. */
export const NATIVE: TargetRuntime = {
  kind: 'native',
  emulator: () => undefined,
  launcher: () => [],
  bareLauncher: (_target, { libraries, env }) => [
    'env',
    ...assignments(env),
    ...(libraries === undefined ? [] : [`LD_LIBRARY_PATH=${libraries}`]),
  ],
  buildLauncher: async () => ({ argv: [], mounts: [], key: [] }),
  instantiate: async (_session, _plan, input) =>
    ok({
      kind: 'native',
      rootfs: input.rootfs.folder,
      mounts: [bundleMount(input)],
      command: [startedAt(input)],
      env: {},
      key: {
        bundle: input.onefile?.digest ?? input.bundle.meta.digest,
        rootfs: input.rootfs.fingerprint,
        emulator: null,
      },
    }),
  readExit: programExit,
};
