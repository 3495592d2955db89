import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bytecode } from '../bundle/bytecode.ts';
import { obtainPackages, type Packages, sitePath, wheelPlatforms } from '../bundle/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Tree } from '../toolchain/tree.ts';
import type { Planned, Prepared } from './prepare.ts';
import type { Session } from './session.ts';

export interface PythonPackages {
  /** For the bundle, and where in it they go. */
  readonly target: Packages;
  readonly at: string;
  /** The reference interpreter's prefix with its own in it. */
  readonly home: { readonly folder: string; readonly fingerprint: string };
}

/** `python.packages` of a recipe: for the target, and for the reference, which must import them too. */
export async function makePythonPackages(
  session: Session,
  { plan, locks }: Planned,
  prepared: Prepared,
  input: { readonly reference: Tree; readonly bytecode: Bytecode; readonly logs: string },
): Promise<Result<PythonPackages | undefined>> {
  const requirements = await readRequirements(plan.recipe.pythonPackages);
  if (!requirements.ok) return requirements;
  const text = requirements.value;
  if (text === undefined) return ok(undefined);
  const { context, store, engine } = session;
  const { minor } = prepared.python;
  const obtain = (
    target: Target,
    packages = locks.sysroot.lock.sets.rootfs ?? [],
  ): Promise<Result<Packages>> =>
    session.recorder.stage(
      'packages',
      `Python packages for ${target.rustTriple}`,
      () =>
        obtainPackages(context, store, {
          ...{ requirements: text, triple: target.rustTriple, minor, engine, logs: input.logs },
          ...wheelPlatforms(target, packages),
          reference: input.reference,
          python: plan.reference.tools.python ?? 'python3',
        }),
      ({ hit }) => ({
        hit,
        detail: `${text.split('\n').filter((line) => line.includes('==')).length} named`,
      }),
    );
  const target = await obtain(plan.target);
  if (!target.ok) return target;
  const own = await obtain(plan.hostTarget, locks.reference.lock.sets.rootfs);
  if (!own.ok) return own;
  const home = await referenceHome(session, prepared, input, own.value);
  if (!home.ok) return home;
  const at = await sitePath(prepared.sysroot.folder, prepared.python);
  return ok({ target: target.value, at, home: home.value });
}

async function readRequirements(
  given: readonly string[] | string | undefined,
): Promise<Result<string | undefined>> {
  if (given === undefined) return ok(undefined);
  if (typeof given !== 'string') return ok(`${given.join('\n')}\n`);
  const text = await readFile(given, 'utf8').catch(() => undefined);
  if (text !== undefined) return ok(text);
  return err({
    code: 'recipe/python-packages',
    what: `There is no requirements file ${given}.`,
    fix: ['Give a path relative to the recipe, or the lines themselves.'],
  });
}

async function referenceHome(
  { context, store }: Session,
  { python }: Prepared,
  { reference, bytecode }: { readonly reference: Tree; readonly bytecode: Bytecode },
  packages: Packages,
): Promise<Result<PythonPackages['home']>> {
  const inputs = {
    what: 'reference with packages',
    bytecode: bytecode.fingerprint,
    packages: packages.fingerprint,
  };
  const at = await sitePath(reference.folder, python);
  return store.obtain<null>(
    'builds',
    inputs,
    async (folder) => {
      await cp(join(bytecode.folder, bytecode.meta.home), folder, {
        recursive: true,
        verbatimSymlinks: true,
      });
      await cp(join(packages.folder, packages.meta.site), join(folder, at), { recursive: true });
      return ok(null);
    },
    { signal: context.signal },
  );
}
