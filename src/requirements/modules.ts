import { realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { unlessDeviceFailed } from '../domain/errno.ts';
import type { Digest } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StatedPath } from '../domain/stated-path.ts';
import type { Failure } from '../failure.ts';
import { type CodeFile, digestCode, listCode } from './files.ts';

/** The modules of `python.paths`, laid out as they will be in the package folder. */
export interface Modules {
  readonly files: readonly CodeFile[];
  /** Zip archives among them: importable by a `.pth` file that names them. */
  readonly archives: readonly string[];
  readonly digest: Digest;
}

export interface ModulesInput {
  readonly paths: readonly StatedPath[];
  /** Absolute file of the recipe. */
  readonly recipe: string;
  /** Absolute folder of the crate. */
  readonly project: string;
  /** Absolute files or folders of samples, which are no modules. */
  readonly samples: readonly string[];
}

/** Finds the modules of `python.paths`. Fails with every path that cannot be taken. */
export async function readModules(input: ModulesInput): Promise<Result<Modules | undefined>> {
  if (input.paths.length === 0) return ok(undefined);
  const found = new Map<string, { readonly file: CodeFile; readonly from: StatedPath }>();
  const archives: string[] = [];
  const failures: Failure[] = [];
  for (const path of input.paths) {
    const files = await filesOf(input, path);
    if (!files.ok) {
      failures.push(files.error);
      continue;
    }
    const twice = files.value.find((file) => found.has(file.path));
    if (twice !== undefined) {
      failures.push(collision(path, twice.path, found.get(twice.path)?.from.text ?? ''));
      continue;
    }
    for (const file of files.value) found.set(file.path, { file, from: path });
    if (isArchive(path.path) && files.value.length === 1) archives.push(basename(path.path));
  }
  const [first, ...also] = failures;
  if (first !== undefined) return err({ ...first, ...(also.length > 0 ? { also } : {}) });
  const files = [...found.values()].map(({ file }) => file).sort((a, b) => (a.path < b.path ? -1 : 1));
  return ok({ files, archives, digest: await digestCode(files) });
}

function isArchive(path: string): boolean {
  return /\.(zip|pyz)$/.test(path);
}

async function filesOf(input: ModulesInput, path: StatedPath): Promise<Result<readonly CodeFile[]>> {
  const info = await stat(path.path).catch(unlessDeviceFailed(undefined));
  if (info === undefined)
    return err(
      unfit(path, `There is no \`${path.path}\`.`, ['Check the path: it is relative to the recipe.']),
    );
  if (info.isFile()) return fileAlone(path);
  if (!info.isDirectory())
    return err(unfit(path, `\`${path.path}\` is neither a folder nor a file.`, FOLDER));
  const real = await realpath(path.path);
  const above = [input.recipe, input.project].find((one) => `${one}/`.startsWith(`${real}/`));
  if (above !== undefined) {
    return err(
      unfit(
        path,
        `\`${path.text}\` contains ${above === input.recipe ? 'the recipe' : 'the crate'}: all of it would be put into the bundle, with what is built there.`,
        FOLDER,
      ),
    );
  }
  const samples = await Promise.all(input.samples.map((one) => realpath(one).catch(unlessDeviceFailed(one))));
  const listed = await listCode(real, new Set([...input.samples, ...samples]));
  if (!listed.ok) {
    const { path: inner, why } = listed.error;
    return err(
      unfit(path, `\`${inner}\` in \`${path.text}\` cannot be put into a bundle: ${why}.`, [
        'Rename or remove it.',
      ]),
    );
  }
  if (listed.value.length === 0)
    return err(unfit(path, `\`${path.text}\` is empty: there is no module in it.`, FOLDER));
  return ok(listed.value);
}

const FOLDER = ['Put the modules into a folder of their own and name that: `paths: [python/]`.'];

/** A module by itself, or an archive of modules. */
function fileAlone(path: StatedPath): Result<readonly CodeFile[]> {
  const name = basename(path.path);
  if (isArchive(name) || /^[^.]+\.(py|pth)$/.test(name))
    return ok([{ path: name, source: path.path, executable: false }]);
  if (name.endsWith('.whl'))
    return err(
      unfit(path, `\`${path.text}\` is a wheel.`, ['Name it below `python.packages`: pip installs it.']),
    );
  return err(
    unfit(path, `\`${path.text}\` is no module: it is a file of another kind.`, [
      `Give the folder of modules \`${basename(dirname(path.path))}\`, a \`.py\` file or a \`.zip\` of modules.`,
    ]),
  );
}

function unfit(path: StatedPath, what: string, fix: readonly string[]): Failure {
  return { code: 'recipe/python-path', what, fix, at: path.at };
}

function collision(path: StatedPath, file: string, other: string): Failure {
  return {
    code: 'recipe/python-collision',
    what: `Both \`${other}\` and \`${path.text}\` have \`${file}\`.`,
    why: 'All paths are put into one folder. Two may share a namespace package (a folder without `__init__.py`), and no file.',
    fix: ['Rename one of the modules, or leave one of the paths out.'],
    at: path.at,
  };
}
