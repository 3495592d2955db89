import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import type { PythonDistribution } from '../domain/python.ts';
import { ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { SystemData } from '../domain/system-data.ts';
import { fingerprint } from '../store/fingerprint.ts';
import { remembered } from '../store/remembered.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import { compileStaged, type PipHost } from './python-task.ts';
import { type SystemDataSource, zoneModules } from './system-data.ts';

/** Modules of the standard library that are otherwise in a bundle, and more of them: in the folder `site` of the entry. */
export type LibraryModules = StoreEntry<{ readonly site: string }>;

export interface LibraryModulesInput {
  readonly python: PythonDistribution;
  readonly sysroot: StoredTree;
  /** Programs of it are started by a kernel, and use its network. */
  readonly machineCode: boolean;
  readonly systemData?: SystemDataSource;
}

/** Module → what of `modules/` is appended to it, always or with data that the bundle brings. */
const APPENDED: readonly { readonly module: string; readonly text: string; readonly for?: SystemData }[] = [
  { module: 'venv/__init__.py', text: 'venv.py' },
  { module: 'ssl.py', text: 'ssl.py' },
  { module: 'mimetypes.py', text: 'mimetypes.py', for: 'mime-types' },
  { module: 'socket.py', text: 'socket.py', for: 'services' },
];

/**
 * The modules of a bundle's standard library that are not as the sysroot has them, compiled by the interpreter of the target's
 * version; undefined where there are none.
 */
export async function makeLibraryModules(
  context: Context,
  store: Store,
  host: PipHost,
  input: LibraryModulesInput,
): Promise<Result<LibraryModules | undefined>> {
  const appended = await appendedTo(context, input);
  // Known without the trees that they are read from.
  const modules = await remembered(store, textInputs(input, appended), async () => {
    const files = await textsOf(store, input, appended);
    if (!files.ok) return files;
    return ok(Object.keys(files.value).length === 0 ? null : fingerprint(files.value));
  });
  if (!modules.ok) return modules;
  if (modules.value === null) return ok(undefined);
  const inputs = {
    what: 'library modules',
    version: 1,
    // Of their texts.
    modules: modules.value,
    interpreter: host.interpreter.fingerprint,
  };
  return store.obtain<{ site: string }>(
    'builds',
    inputs,
    async (folder) => {
      const files = await textsOf(store, input, appended);
      if (!files.ok) return files;
      const task = {
        log: 'library-modules',
        doing: "Compiling the bundle's own modules of the standard library",
        code: 'build/bytecode' as const,
        fix: ['Run `provision clean --all` and try again; if it fails again, the reference image is broken.'],
      };
      const run = await compileStaged(context, host, folder, task, async (staged) => {
        for (const [path, text] of Object.entries(files.value)) {
          await mkdir(dirname(join(staged, path)), { recursive: true });
          await writeFile(join(staged, path), text);
        }
      });
      return run.ok ? ok({ site: 'site' }) : run;
    },
    { signal: context.signal, reads: [] },
  );
}

/** Module of the standard library → what is appended to it. */
type Appended = Readonly<Record<string, string>>;

async function appendedTo(
  { settings }: Pick<Context, 'settings'>,
  { machineCode, systemData }: LibraryModulesInput,
): Promise<Appended> {
  const brought = new Set((systemData?.data ?? []).map(({ data }) => data));
  const texts: [string, string][] = [];
  for (const one of APPENDED) {
    if (one.for === undefined ? !machineCode : !brought.has(one.for)) continue;
    const file = join(settings.home, 'src', 'bundle', 'modules', one.text);
    texts.push([one.module, await readFile(file, 'utf8')]);
  }
  return Object.fromEntries(texts);
}

/** Everything that the texts are made of. */
function textInputs({ python, sysroot, systemData }: LibraryModulesInput, appended: Appended) {
  return {
    what: 'texts of library modules',
    version: 1,
    ...{ sysroot: sysroot.fingerprint, stdlib: python.stdlib, appended },
    systemData:
      systemData === undefined
        ? null
        : {
            tree: systemData.tree.fingerprint,
            data: systemData.data.map(({ data, version }) => ({ data, version })),
          },
  };
}

/** Path in the standard library → text. */
async function textsOf(
  store: Store,
  { python, sysroot, systemData }: LibraryModulesInput,
  appended: Appended,
): Promise<Result<Readonly<Record<string, string>>>> {
  const trees = [sysroot, ...(systemData === undefined ? [] : [systemData.tree])];
  const ready = await store.ready(trees.map(({ folder }) => folder));
  if (!ready.ok) return ready;
  const texts: [string, string][] = [];
  for (const [module, more] of Object.entries(appended)) {
    const own = await readFile(join(sysroot.folder, python.stdlib, module), 'utf8').catch(absentAsUndefined);
    if (own !== undefined) texts.push([module, own + more]);
  }
  const zones = systemData === undefined ? {} : await zoneModules(systemData);
  return ok({ ...Object.fromEntries(texts), ...zones });
}
