import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PipHost, WORK } from '../../bundle/python-task.ts';
import { fetchWheels } from '../../bundle/wheels.ts';
import type { Context } from '../../domain/context.ts';
import { ok, type Result } from '../../domain/result.ts';
import { runTool } from '../../engine/tool.ts';
import { type LockedWheel, lockedRequirements } from '../../lock/python-lock.ts';
import type { PackageEnvironment } from '../../requirements/environment.ts';
import type { Store, StoreEntry } from '../../store/store.ts';

const WHEELS_AT = '/job/wheels';
const SITE = 'site';

/** pyperf and pyperformance, locked, unpacked and in the store: absolute path of their folder. */
export async function pyperformanceSite(
  context: Context,
  store: Store,
  host: PipHost,
  environment: PackageEnvironment,
): Promise<Result<string>> {
  const lock = join(context.settings.home, 'src', 'bench', 'pyperformance', 'wheels.json');
  const locked = JSON.parse(await readFile(lock, 'utf8')) as readonly LockedWheel[];
  const fetched = await fetchWheels(context, store, host, {
    requirements: lockedRequirements(locked, new Map(), { file: lock, line: 1, column: 1 }),
    environment,
    options: [],
    log: 'pyperformance-fetch',
  });
  if (!fetched.ok) return fetched;
  const wheels = join(fetched.value.folder, fetched.value.meta.wheels);
  const unpacked: Result<StoreEntry<{ readonly site: string }>> = await store.obtain(
    'builds',
    { what: 'pyperformance', version: 1, wheels: fetched.value.fingerprint },
    async (folder) => {
      const done = await unzip(context, host, wheels, join(folder, SITE));
      return done.ok ? ok({ site: SITE }) : done;
    },
    { signal: context.signal },
  );
  return unpacked.ok ? ok(join(unpacked.value.folder, unpacked.value.meta.site)) : unpacked;
}

/** A wheel is a zip archive of what goes into the folder of packages (PEP 427): these two have nothing else. */
const UNZIP = `import glob, sys, zipfile
for one in sorted(glob.glob(sys.argv[1] + '/*.whl')):
    zipfile.ZipFile(one).extractall(sys.argv[2])
`;

async function unzip(context: Context, host: PipHost, wheels: string, to: string): Promise<Result<void>> {
  const engine = await host.engine();
  if (!engine.ok) return engine;
  const opened = await engine.value.open({
    rootfs: host.interpreter.folder,
    network: 'none',
    mounts: [
      { kind: 'source', source: wheels, at: WHEELS_AT },
      { kind: 'scratch', at: WORK },
    ],
  });
  if (!opened.ok) return opened;
  await using box = opened.value;
  const site = `${WORK}/${SITE}`;
  const run = await runTool(context, box, {
    ...{ stage: 'packages', code: 'engine/bench-run', doing: 'Unpacking pyperformance' },
    fix: ['Run the same command again: the wheels are fetched already.'],
    log: join(host.logs, 'pyperformance-unpack.log'),
    command: {
      argv: [host.python, '-s', '-P', '-c', UNZIP, WHEELS_AT, site],
      env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' },
      cwd: WORK,
    },
  });
  // Awaited, because the sandbox is closed when this function returns.
  return run.ok ? await box.copyOut(site, to) : run;
}
